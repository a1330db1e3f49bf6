"""Durations: `timedelta` inside, "30m" at the edge."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_TEXT = re.compile(r"^(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?$")
LONGEST = timedelta(days=3650)  # whatever is added to or taken from a date stays one


def parse_duration(value: Any) -> timedelta:
    """A duration from "1h30m", "45s" or "2d", at most `LONGEST`. Raises ValueError for all else, bare numbers too."""
    if isinstance(value, timedelta):
        return value
    match = _TEXT.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write for example 30s, 5m, 1h30m or 2d")
    counts = [(n, u) for n, u in zip(match.groups(), "dhms", strict=True) if n]
    # So many digits are too long in any unit, and the rest stays small enough to be calculated with.
    seconds = None if any(len(n) > 9 for n, _ in counts) else sum(int(n) * _UNITS[u] for n, u in counts)
    if seconds is None or seconds > LONGEST.total_seconds():
        raise ValueError(f"{value[:30]!r} is too long a duration; the longest is {format_duration(LONGEST)}")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back, in whole seconds: "1h30m", "0s"."""
    left = int(value.total_seconds())
    parts = []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _TEXT.pattern, "examples": ["30s", "5m", "1h30m"]}),
]
