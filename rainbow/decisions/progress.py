"""What waiting for drained releases has to look at, and what it writes into their records.

Records are notes for people and for later steps; they change when the truth changes, not at every look.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rainbow.decisions.age import TOO_YOUNG
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.retention import SWITCH_TAKES
from rainbow.decisions.sealing import was_live
from rainbow.decisions.switch import ALL, NONE, SWITCHING
from rainbow.model.release import Phase, Release, ReleaseStatus

SETTLING = "no active task, but not often enough in a row yet"


def to_wait_for(records: Sequence[Release], release: str, current: str | None) -> list[Release]:
    """The releases that were live before the given one and are not current: the ones it replaced, still there.

    The record may be older than that of a release that was live before it (redeployed, S11), so what counts is when
    each went live; a release that never was has nothing of users' to finish.
    """
    given = next((record for record in records if record.id == release), None)
    since = given.status.live_at if given is not None else None
    return [
        record
        for record in records
        if record.id not in (release, current)
        and record.status.phase is not Phase.DELETED
        and was_live(record.status)
        and not (since is not None and record.status.live_at is not None and record.status.live_at > since)
    ]


def to_be_gone(records: Sequence[Release], release: str, current: str | None, now: datetime) -> frozenset[str]:
    """Those of them that are noted as drained and old enough: whoever deletes after the waiting is to find them."""
    return frozenset(
        record.id
        for record in to_wait_for(records, release, current)
        if record.status.phase is Phase.DRAINED
        and record.status.demoted_at is not None
        and now >= record.status.demoted_at + record.spec.app.retention.minimum_age
    )


def noted_demotion(status: ReleaseStatus, now: datetime) -> dict[str, Any]:
    """What to note of a release that the route does not point at (any more), so that its age can be known (S9).

    A demotion noted before it last went live is an old one. Nothing while a switch to it is under way.
    """
    if status.traffic == SWITCHING:
        return {}
    changes: dict[str, Any] = {}
    stale = status.demoted_at is None or (status.live_at is not None and status.demoted_at < status.live_at)
    if stale:
        changes |= {"demoted_at": now, "drained_at": None}
    if stale or status.phase is Phase.CURRENT:
        changes["phase"] = Phase.DRAINING
    if status.traffic not in (None, NONE):
        changes["traffic"] = NONE
    return _only_new(status, changes)


def overlooked_demotion(
    release: Release, records: Sequence[Release], current: str | None, now: datetime
) -> dict[str, Any]:
    """What to note of a release that says that it carries traffic, long after the route went elsewhere.

    A switch that was cut short, and never run again, may have left it so; it would be kept for ever. Nothing while a
    switch of the app may be under way, which notes it by itself.
    """
    if current in (None, release.id) or not _says_current(release.status):
        return {}
    waiting = [r for r in records if r.status.traffic == SWITCHING] + [release]
    times = [(r.noted_at, SWITCH_TAKES + 2 * r.spec.app.route.timeout) for r in waiting]
    long_ago = all(noted is not None and now >= noted + takes for noted, takes in times)
    return noted_demotion(release.status, now) if long_ago else {}


def _says_current(status: ReleaseStatus) -> bool:
    return status.phase is Phase.CURRENT or status.traffic == ALL


def noted_drain(status: ReleaseStatus, decision: DrainDecision, now: datetime) -> dict[str, Any]:
    """What to note of a decision; empty when the record says it already.

    An unknown sample takes nothing back: the release was seen without work, and deletion looks again in any case.
    Nothing while a switch to it is under way, or was broken off: by the last note it is told how long ago that was.
    """
    if status.traffic == SWITCHING:
        return {}
    changes: dict[str, Any] = {"tasks": decision.tasks, "blocker": _lasting(decision)}
    seen_idle = decision.state not in (DrainState.WORKING, DrainState.UNKNOWN, DrainState.MISTAKEN)
    if seen_idle and _kept_by_others(status):
        del changes["blocker"]
    if decision.idle:
        changes |= {"phase": Phase.DRAINED, "drained_at": status.drained_at or now}
    elif decision.state is DrainState.WORKING:
        changes |= {"phase": Phase.DRAINING, "drained_at": None}
    if status.phase is Phase.FAILED:
        changes.pop("phase", None)
    return _only_new(status, changes)


def _kept_by_others(status: ReleaseStatus) -> bool:
    """Whether the blocker of a release that is noted as idle is a collection's, which takes it back by itself.

    That is retention, or a hold. Waiting takes back what it wrote: what speaks of work, or of the age.
    """
    idle = status.drained_at is not None and status.tasks == "0"
    return idle and status.blocker not in (None, TOO_YOUNG, SETTLING)


def _lasting(decision: DrainDecision) -> str | None:
    # The time left changes at every look; the record would be written each time.
    if decision.state is DrainState.TOO_YOUNG:
        return TOO_YOUNG
    if decision.state is DrainState.SETTLING:
        return SETTLING
    return decision.blocker


def _only_new(status: ReleaseStatus, changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if getattr(status, key) != value}
