"""One measure, ready to be printed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """`ours` and `against` are texts with their units; `ratio` is ours to against; `met` is None without a goal."""

    name: str
    ours: str
    against: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
