"""What becomes of objects that are labelled as those of a release of which there is no record (any more).

Somebody has removed the record by hand, or it was never written. The rules are those of any release, as far as they
can be asked: nothing that a route leads or refers to is deleted, nothing busy, and unknown is busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rainbow.decisions.drain import DrainDecision
from rainbow.decisions.retention import Act, Routes, Verdict
from rainbow.model.durations import format_duration


@dataclass(frozen=True)
class Orphan:
    """What was read of it. `newest`: when the last of its objects was made; `running`: see `Findings`.

    `works`: some of its objects may do work; `drain` is then what was seen of it, None when nobody can ask.
    """

    release: str
    newest: datetime
    works: bool
    drain: DrainDecision | None = None
    running: bool | None = None


def decide_orphan(orphan: Orphan, routes: Routes, age: timedelta, now: datetime) -> Verdict:
    """Delete or keep. `age` is how long it may be about to get a record, or be looked at."""
    blocker = _blocker(orphan, routes, age, now)
    if blocker is None:
        return Verdict(orphan.release, Act.DELETE, f"it has no record, no route refers to it, {_idle(orphan)}")
    return Verdict(orphan.release, Act.KEEP, f"it has no record, but {blocker}")


def _blocker(orphan: Orphan, routes: Routes, age: timedelta, now: datetime) -> str | None:
    if routes.current == orphan.release:
        return "the route points at it: it is current"
    if references := routes.references.get(orphan.release):
        return f"it is still referred to by {', '.join(references)}"
    if orphan.running is not False:
        return (
            "a workflow is at work on it" if orphan.running else "it is not known whether a workflow is at work on it"
        )
    if now < orphan.newest + age:
        return f"its objects are younger than {format_duration(age)}"
    if orphan.works and orphan.drain is None:
        return "its work cannot be asked about: no release of the app has a record; delete it by hand when it is idle"
    return orphan.drain.blocker if orphan.works and orphan.drain is not None else None


def _idle(orphan: Orphan) -> str:
    return "; ".join(orphan.drain.reasons) if orphan.works and orphan.drain is not None else "and nothing of it works"
