"""How long ago something was, as kubectl tells it: the more of it, the coarser."""

from __future__ import annotations

from datetime import timedelta

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
# Up to this many seconds, in which two units; a zero of the second one is left out.
_STEPS = (
    (2 * _MINUTE, (("s", 1),)),
    (10 * _MINUTE, (("m", _MINUTE), ("s", 1))),
    (3 * _HOUR, (("m", _MINUTE),)),
    (8 * _HOUR, (("h", _HOUR), ("m", _MINUTE))),
    (2 * _DAY, (("h", _HOUR),)),
    (8 * _DAY, (("d", _DAY), ("h", _HOUR))),
    (2 * _YEAR, (("d", _DAY),)),
    (8 * _YEAR, (("y", _YEAR), ("d", _DAY))),
)


def short(span: timedelta) -> str:
    """As "45s", "3m20s", "5h10m", "6d3h", "200d" (Kubernetes, apimachinery, HumanDuration). Never less than nothing."""
    left = max(0, int(span.total_seconds()))
    units = next((units for limit, units in _STEPS if left < limit), (("y", _YEAR),))
    parts: list[str] = []
    for unit, size in units:
        count, left = divmod(left, size)
        if count or not parts:
            parts.append(f"{count}{unit}")
    return "".join(parts)
