"""Which releases may be deleted, and what keeps each of the others.

Nothing that is routed, referenced by any route, being switched to, busy, unknown or too young is deleted (S8, S9, B1,
B2); each release that is kept names its blocker (B3). The order of the rules is the order in which a person would
want to hear of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from rainbow.decisions.drain import DrainDecision
from rainbow.decisions.switch import ALL, SWITCHING
from rainbow.model.durations import format_duration
from rainbow.model.release import Phase, Release, ReleaseStatus

_BEING_MADE = frozenset({Phase.PENDING, Phase.TESTING})


class Act(StrEnum):
    """What becomes of a release."""

    KEEP = "keep"
    DELETE = "delete"
    COMPLETE = "complete"  # its deletion was begun and is to be finished
    REVERT = "revert"  # its deletion was begun, but something points at it after all
    NOTHING = "nothing"  # deleted long ago


@dataclass(frozen=True)
class Routes:
    """One look at everything that can lead to a release.

    `current` is None when the route points at no release; `references` holds, per release id, what refers to its
    Services.
    """

    current: str | None
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What becomes of one release, and why, in a line."""

    release: str
    act: Act
    reason: str


@dataclass(frozen=True)
class Findings:
    """What was read about one release besides its record. `drain` None: nobody looked at its tasks."""

    drain: DrainDecision | None = None
    objects: int = 0


def was_live(status: ReleaseStatus) -> bool:
    """Users may have reached the release at some time, so it may hold work of theirs."""
    marks = (status.live_at, status.demoted_at, status.drained_at)
    return any(marks) or status.phase in (Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)


def decide(release: Release, routes: Routes, findings: Findings, now: datetime) -> Verdict:
    """The verdict on one release, from what was read just now."""
    blocker = _pointed_at(release, routes)
    if blocker is None and committed(release.status):
        if findings.objects:
            return Verdict(release.id, Act.COMPLETE, f"its deletion was broken off; objects left: {findings.objects}")
        return Verdict(release.id, Act.NOTHING, "deleted")
    blocker = blocker or _blocked_by_record(release, routes)
    blocker = blocker or _blocked_by_work(release.status, findings.drain)
    blocker = blocker or _blocked_by_failure(release, now)
    if blocker is None:
        return Verdict(release.id, Act.DELETE, _why_deleted(release, findings.drain))
    if release.status.phase is Phase.DELETED:
        return Verdict(release.id, Act.REVERT, blocker)
    return Verdict(release.id, Act.KEEP, blocker)


def committed(status: ReleaseStatus) -> bool:
    """Its objects may be deleted, or are already.

    Deleting first marks the record (phase Deleted), which keeps `switch` away, then reads everything again, and only
    then sets the time. Without the time nothing is gone yet and all rules apply as before.
    """
    return status.phase is Phase.DELETED and status.deleted_at is not None


def reverted(release: Release, routes: Routes) -> dict[str, Any]:
    """What to write into the record of a release that is not deleted after all."""
    changes: dict[str, Any] = {"deleted_at": None}
    if routes.current == release.id:
        return changes | {"phase": Phase.CURRENT, "traffic": ALL}
    return changes | {"phase": Phase.DRAINING if was_live(release.status) else Phase.FAILED}


def _pointed_at(release: Release, routes: Routes) -> str | None:
    if routes.current == release.id:
        return "current: the route points at it"
    if references := routes.references.get(release.id):
        return f"still referred to by {', '.join(references)}"
    return None


def _blocked_by_record(release: Release, routes: Routes) -> str | None:
    status = release.status
    if status.traffic == SWITCHING:
        return "a switch to it is under way, or was broken off; run the switch again to end it"
    if status.traffic == ALL or status.phase is Phase.CURRENT:
        return "its record still says that it carries traffic, though the route does not point at it"
    if status.phase in _BEING_MADE:
        return f"{status.phase}: it is being released"
    if status.phase is Phase.READY:
        return "Ready: tested and waiting to become current"
    if was_live(status) and routes.current is None:
        # Rather one release too many than a broken route and nothing left to go back to.
        return "the route points at no release, so this may be the one to go back to"
    return None


def _blocked_by_work(status: ReleaseStatus, drain: DrainDecision | None) -> str | None:
    if not was_live(status):
        return None
    return "nobody has looked at its tasks yet" if drain is None else drain.blocker


def _blocked_by_failure(release: Release, now: datetime) -> str | None:
    status, age = release.status, release.spec.app.retention.failed_age
    if status.phase is not Phase.FAILED:
        return None
    if status.failed_at is None:
        return "Failed: it is not known when"
    if now < status.failed_at + age:
        return f"Failed: kept for {format_duration(age)} to be looked at and retried"
    return None


def _why_deleted(release: Release, drain: DrainDecision | None) -> str:
    if was_live(release.status) and drain is not None:
        return "; ".join(drain.reasons)
    age = format_duration(release.spec.app.retention.failed_age)
    return f"it failed more than {age} ago and never carried traffic"
