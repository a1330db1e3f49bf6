"""Which releases may be deleted, and what keeps each of the others.

Nothing that is routed, referenced by any route, being switched to, held, kept to be rolled back to, busy, unknown or
too young is deleted (S8, S9, B1, B2, B5, B7); each release that is kept names its blocker (B3). The order of the rules
is the order in which a person would want to hear of them. `keeping` says what is kept to be rolled back to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rainbow.decisions.age import TOO_YOUNG, overdue, too_young
from rainbow.decisions.drain import DrainDecision
from rainbow.decisions.sealing import committed, may_have_work
from rainbow.decisions.switch import ALL, SWITCHING
from rainbow.model.durations import format_duration
from rainbow.model.release import Phase, Release, ReleaseStatus
from rainbow.model.staying import OverdueAct

ON_THE_WAY = frozenset({Phase.PENDING, Phase.TESTING, Phase.READY})  # to become current, or left behind there
SWITCH_TAKES = timedelta(minutes=30)  # at most, by hand and with every retry; the proxy's time comes on top


class Act(StrEnum):
    """What becomes of a release."""

    KEEP = "keep"
    DELETE = "delete"
    COMPLETE = "complete"  # its deletion was begun and is to be finished
    REVERT = "revert"  # it was sealed to be deleted, but something speaks against it after all
    NOTHING = "nothing"  # deleted long ago


@dataclass(frozen=True)
class Routes:
    """One look at everything that can lead to a release.

    `current` is None when the route points at no release, `previous` is what it pointed at before; `references` holds,
    per release id, what refers to its Services.
    """

    current: str | None
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    previous: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What becomes of one release, and why, in a line; `lasting` are the words for its record, when others.

    `passing`: kept for a reason that goes by itself, so that another look may find it gone.
    """

    release: str
    act: Act
    reason: str
    passing: bool = False
    lasting: str | None = None


@dataclass(frozen=True)
class Findings:
    """What was read about one release besides its record.

    `drain` None: nobody looked at its tasks. `hidden`: why some of its objects could not be looked at. `running`:
    whether a workflow is at work on it, None when that cannot be known. `kept`: why it is to be gone back to.
    """

    drain: DrainDecision | None = None
    objects: int = 0
    hidden: str | None = None
    running: bool | None = None
    kept: str | None = None


def left_behind(status: ReleaseStatus) -> bool:
    """It says that something is being done to it. Whether that is so, its workflow tells."""
    return status.phase in ON_THE_WAY or status.traffic == SWITCHING


def decide(release: Release, routes: Routes, findings: Findings, now: datetime) -> Verdict:
    """The verdict on one release, whose policy is the one in force, from what was read just now."""
    blocker = _pointed_at(release, routes)
    if blocker is None and committed(release.status):
        if findings.objects:
            return Verdict(release.id, Act.COMPLETE, f"its deletion was broken off; objects left: {findings.objects}")
        return Verdict(release.id, Act.NOTHING, "deleted")
    pointed_at = blocker is not None
    blocker = blocker or _blocked_by_switch(release, findings, now)
    switching = blocker is not None and not pointed_at
    blocker = blocker or _blocked_by_record(release, routes) or _blocked_on_the_way(release, findings, now)
    blocker = blocker or _held(release) or findings.kept
    young = None if blocker else too_young(release, now)
    work = young if blocker or young else _blocked_by_work(release, findings.drain, now)
    blocker = blocker or work or _blocked_by_failure(release, findings, now)
    # Last: what it says to do by hand is right only for a release that nothing else keeps.
    blocker = blocker or findings.hidden
    if blocker is None:
        return Verdict(release.id, Act.DELETE, _why_deleted(release, findings.drain, now))
    passing = switching or work is not None
    # Whoever switches to a sealed release opens it.
    begun = release.status.phase is Phase.DELETED or release.status.sealed_at is not None
    return Verdict(
        release.id, Act.REVERT if begun and not switching else Act.KEEP, blocker, passing, TOO_YOUNG if young else None
    )


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
    age = max(app.retention.failed_age, SWITCH_TAKES + 2 * app.route.timeout)
    why = "it is not known since when" if release.noted_at is None else _under_way(release, findings, age, now)
    return why and f"a switch to it is under way, or was broken off; run the switch again to end it ({why})"


def _blocked_on_the_way(release: Release, findings: Findings, now: datetime) -> str | None:
    """Who came to no end (cancelled, out of retries, submitted by half) counts as failed since its last note."""
    if release.status.phase not in ON_THE_WAY:
        return None
    why = _under_way(release, findings, release.spec.app.retention.failed_age, now)
    return why and f"{release.status.phase}: {why}"


def _held(release: Release) -> str | None:
    hold = release.status.hold
    return None if hold is None else f"held by {hold.by}: {hold.reason}"


def _under_way(release: Release, findings: Findings, age: timedelta, now: datetime) -> str | None:
    if findings.running is None:
        return "it is being released, as far as can be known: workflows cannot be listed"
    if findings.running:
        return "it is being released, a workflow is at work on it"
    status = release.status
    # The seal is a note as well, but nobody's work at the release.
    noted_at = None if status.sealed_at is not None else release.noted_at
    notes = (noted_at, status.deployed_at, status.tested_at, status.failed_at)
    # The same words at each look, or the note of this blocker would be the last note ever anew.
    if now < max([release.created, *(time for time in notes if time is not None)]) + age:
        return f"no workflow is at work on it; kept for {format_duration(age)} to be looked at and retried"
    return None


def _blocked_by_work(release: Release, drain: DrainDecision | None, now: datetime) -> str | None:
    if not may_have_work(release.status):
        return None
    blocker = "nobody has looked at its tasks yet" if drain is None else drain.blocker
    late = overdue(release, now)
    if blocker is None or late is None:
        return blocker
    return None if release.spec.app.retention.overdue is OverdueAct.DELETE else f"{late}: {blocker}"


def _blocked_by_failure(release: Release, findings: Findings, now: datetime) -> str | None:
    status, age = release.status, release.spec.app.retention.failed_age
    if status.phase is not Phase.FAILED:
        return None
    if findings.running:
        return "Failed: a workflow is at work on it again"
    if status.failed_at is None:
        return "Failed: it is not known when"
    if now < status.failed_at + age:
        return f"Failed: kept for {format_duration(age)} to be looked at and retried"
    return None


def _why_deleted(release: Release, drain: DrainDecision | None, now: datetime) -> str:
    if may_have_work(release.status):
        if drain is not None and drain.blocker is None:
            return "; ".join(drain.reasons)
        left = "nobody has looked at its tasks" if drain is None else drain.blocker
        return f"{overdue(release, now)} (retention.overdue: delete), with the work it has left: {left}"
    age = format_duration(release.spec.app.retention.failed_age)
    if release.status.phase in ON_THE_WAY:
        return f"{release.status.phase} for more than {age}, with no workflow at work on it, and never carried traffic"
    return f"it failed more than {age} ago and never carried traffic"
