"""The notes of a deletion on the record of a release: sealed, then deleted; or taken back.

A sealed release is reached by nobody any more: its own routes are closed. Only then is its work counted for good,
so that what began in the last moment is found (design.md, "seal"). Until `deleted_at` is written nothing is gone, and
a rollback to it wins: `switch` begins by writing the same record, on which every note here is conditional.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rainbow.decisions.switch import ALL, NONE, SWITCHING
from rainbow.model.release import Phase, Release, ReleaseStatus


def was_live(status: ReleaseStatus) -> bool:
    """Users may have reached the release at some time, so it may hold work of theirs."""
    marks = (status.live_at, status.demoted_at, status.drained_at)
    return any(marks) or status.phase in (Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)


def may_have_work(status: ReleaseStatus) -> bool:
    """The same, counting a switch to it that was broken off.

    It may have moved the route before it ended, and it opened the release's own routes, by which somebody may be trying
    it still.
    """
    return was_live(status) or status.traffic is not None


def committed(status: ReleaseStatus) -> bool:
    """Its objects may be deleted, or are already."""
    return status.phase is Phase.DELETED and status.deleted_at is not None


def is_sealed(status: ReleaseStatus) -> bool:
    """Its own routes were closed after it was last live, and were not opened since."""
    later = [time for time in (status.live_at, status.demoted_at, status.redeployed_at) if time is not None]
    return status.sealed_at is not None and status.sealed_at >= max(later, default=status.sealed_at)


def sealed(release: Release, now: datetime) -> dict[str, Any]:
    """What to write when its routes are closed: before and, for the time that counts, after.

    A switch that was broken off may have led users to it until its last note, and not later: that is noted as well.
    """
    status = release.status
    changes: dict[str, Any] = {"sealed_at": now, "blocker": "sealed: to be deleted unless work is found"}
    if status.traffic == SWITCHING:
        times = [time for time in (status.demoted_at, release.noted_at) if time is not None]
        changes |= {"traffic": NONE, "demoted_at": max(times, default=None)}
    return changes


def deleted(now: datetime) -> dict[str, Any]:
    """What to write before its objects are deleted; a person sees why there is nothing any more."""
    return {"phase": Phase.DELETED, "deleted_at": now, "blocker": None, "tasks": None}


def reverted(release: Release, current: str | None, *, working: bool) -> dict[str, Any]:
    """What to write into the record of a release that is not deleted after all. Its routes are open again."""
    status = release.status
    changes: dict[str, Any] = {"deleted_at": None, "sealed_at": None}
    if current == release.id:
        return changes | {"phase": Phase.CURRENT, "traffic": ALL}
    if working:
        changes["drained_at"] = None
    if status.phase is Phase.DELETED or (working and status.phase is Phase.DRAINED):
        changes["phase"] = Phase.DRAINING if was_live(status) else Phase.FAILED
    return changes
