"""Which releases may be deleted, and what keeps each of the others.

Nothing that is routed, referenced by any route, being switched to, busy, unknown or too young is deleted (S8, S9, B1,
B2); each release that is kept names its blocker (B3). The order of the rules is the order in which a person would
want to hear of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rainbow.decisions.drain import DrainDecision
from rainbow.decisions.switch import ALL, NONE, SWITCHING
from rainbow.model.durations import format_duration
from rainbow.model.release import Phase, Release, ReleaseStatus

ON_THE_WAY = frozenset({Phase.PENDING, Phase.TESTING, Phase.READY})  # to become current, or left behind there
_SWITCH_TAKES = timedelta(minutes=30)  # at most, by hand and with every retry; the proxy's time comes on top


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
    passing: bool = False  # kept for a reason that goes by itself: another look may find it gone


@dataclass(frozen=True)
class Findings:
    """What was read about one release besides its record.

    `drain` None: nobody looked at its tasks. `hidden`: why some of its objects could not be looked at. `running`:
    whether a workflow is at work on it, None when that cannot be known.
    """

    drain: DrainDecision | None = None
    objects: int = 0
    hidden: str | None = None
    running: bool | None = None


def was_live(status: ReleaseStatus) -> bool:
    """Users may have reached the release at some time, so it may hold work of theirs."""
    marks = (status.live_at, status.demoted_at, status.drained_at)
    return any(marks) or status.phase in (Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)


def may_have_work(status: ReleaseStatus) -> bool:
    """The same, counting a switch to it that was broken off: it may have moved the route before it ended."""
    return was_live(status) or status.traffic == SWITCHING


def left_behind(status: ReleaseStatus) -> bool:
    """It says that something is being done to it. Whether that is so, its workflow tells."""
    return status.phase in ON_THE_WAY or status.traffic == SWITCHING


def decide(release: Release, routes: Routes, findings: Findings, now: datetime) -> Verdict:
    """The verdict on one release, from what was read just now."""
    blocker = _pointed_at(release, routes)
    if blocker is None and committed(release.status):
        if findings.objects:
            return Verdict(release.id, Act.COMPLETE, f"its deletion was broken off; objects left: {findings.objects}")
        return Verdict(release.id, Act.NOTHING, "deleted")
    pointed_at = blocker is not None
    blocker = blocker or _blocked_by_switch(release, findings, now)
    switching = blocker is not None and not pointed_at
    blocker = blocker or _blocked_by_record(release, routes) or _blocked_on_the_way(release, findings, now)
    work = None if blocker else _blocked_by_work(release.status, findings.drain)
    blocker = blocker or work or _blocked_by_failure(release, now)
    # Last: what it says to do by hand is right only for a release that nothing else keeps.
    blocker = blocker or findings.hidden
    if blocker is None:
        return Verdict(release.id, Act.DELETE, _why_deleted(release, findings.drain))
    if release.status.phase is Phase.DELETED:
        return Verdict(release.id, Act.REVERT, blocker, passing=switching or work is not None)
    return Verdict(release.id, Act.KEEP, blocker, passing=switching or work is not None)


def committed(status: ReleaseStatus) -> bool:
    """Its objects may be deleted, or are already.

    Deleting first marks the record (phase Deleted), which keeps `switch` away, then reads everything again, and only
    then sets the time. Without the time nothing is gone yet and all rules apply as before.
    """
    return status.phase is Phase.DELETED and status.deleted_at is not None


def marked(release: Release) -> dict[str, Any]:
    """What to write into the record of a release before it is deleted.

    A switch that was broken off may have led users to it until its last note, and not later: that is noted instead.
    """
    status = release.status
    changes: dict[str, Any] = {"phase": Phase.DELETED, "deleted_at": None, "blocker": None}
    if status.traffic != SWITCHING:
        return changes
    times = [time for time in (status.demoted_at, release.noted_at) if time is not None]
    return changes | {"traffic": NONE, "demoted_at": max(times, default=None)}


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
    if status.traffic == ALL or status.phase is Phase.CURRENT:
        return "its record still says that it carries traffic, though the route does not point at it"
    if may_have_work(status) and routes.current is None:
        # Rather one release too many than a broken route and nothing left to go back to.
        return "the route points at no release, so this may be the one to go back to"
    return None


def _blocked_by_switch(release: Release, findings: Findings, now: datetime) -> str | None:
    """A switch to it that may still be under way. By hand it is no workflow, so it counts for as long as it takes."""
    if release.status.traffic != SWITCHING:
        return None
    app = release.spec.app
    age = max(app.retention.failed_age, _SWITCH_TAKES + 2 * app.route.timeout)
    why = "it is not known since when" if release.noted_at is None else _under_way(release, findings, age, now)
    return why and f"a switch to it is under way, or was broken off; run the switch again to end it ({why})"


def _blocked_on_the_way(release: Release, findings: Findings, now: datetime) -> str | None:
    """Who came to no end (cancelled, out of retries, submitted by half) counts as failed since its last note."""
    if release.status.phase not in ON_THE_WAY:
        return None
    why = _under_way(release, findings, release.spec.app.retention.failed_age, now)
    return why and f"{release.status.phase}: {why}"


def _under_way(release: Release, findings: Findings, age: timedelta, now: datetime) -> str | None:
    if findings.running is None:
        return "it is being released, as far as can be known: workflows cannot be listed"
    if findings.running:
        return "it is being released, a workflow is at work on it"
    status = release.status
    notes = (release.noted_at, status.deployed_at, status.tested_at, status.failed_at)
    # The same words at each look, or the note of this blocker would be the last note ever anew.
    if now < max([release.created, *(time for time in notes if time is not None)]) + age:
        return f"no workflow is at work on it; kept for {format_duration(age)} to be looked at and retried"
    return None


def _blocked_by_work(status: ReleaseStatus, drain: DrainDecision | None) -> str | None:
    if not may_have_work(status):
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
    if may_have_work(release.status) and drain is not None:
        return "; ".join(drain.reasons)
    age = format_duration(release.spec.app.retention.failed_age)
    if release.status.phase in ON_THE_WAY:
        return f"{release.status.phase} for more than {age}, with no workflow at work on it, and never carried traffic"
    return f"it failed more than {age} ago and never carried traffic"
