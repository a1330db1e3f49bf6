"""The life of each release as a lane: which phase it was in from when to when, as its record tells.

A record keeps the last time of each kind. What it does not tell is called unrecorded, and is never drawn as something
that it may not have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rainbow.model.release import Phase, Release


class Stage(StrEnum):
    """The phases of design.md that last, as they are called on the record; and what no record tells."""

    PENDING = Phase.PENDING.value
    TESTING = Phase.TESTING.value
    READY = Phase.READY.value
    CURRENT = Phase.CURRENT.value
    DRAINING = Phase.DRAINING.value
    DRAINED = Phase.DRAINED.value
    FAILED = Phase.FAILED.value
    NOT_RECORDED = "Not recorded"


@dataclass(frozen=True)
class Segment:
    """A piece of a lane. `lasts`: it goes on, and `end` is only the moment of looking."""

    release: str
    stage: Stage
    begin: datetime
    end: datetime
    lasts: bool = False


@dataclass(frozen=True)
class Switch:
    """A moment at which users were led to a release."""

    release: str
    at: datetime


def lanes(releases: Sequence[Release], now: datetime) -> tuple[Segment, ...]:
    """The lane of each release, one after the other; a deleted one ends with its deletion."""
    return tuple(segment for release in releases for segment in _lane(release, releases, now))


def switches(releases: Sequence[Release]) -> tuple[Switch, ...]:
    """The switches that the records still tell of, oldest first: of each release the last one to it."""
    found = [Switch(r.id, r.status.live_at) for r in releases if r.status.live_at is not None]
    return tuple(sorted(found, key=lambda switch: (switch.at, switch.release)))


def alive(release: Release, begin: datetime) -> bool:
    """Whether anything of it was there after that time."""
    ended = release.status.deleted_at
    return release.status.phase is not Phase.DELETED or ended is None or ended >= begin


def _lane(release: Release, all_: Sequence[Release], now: datetime) -> list[Segment]:
    status = release.status
    gone = status.phase is Phase.DELETED and status.deleted_at is not None
    end = status.deleted_at if gone and status.deleted_at else now
    # What bears a time of before it came, or of after its end, is of an earlier life, or of another clock.
    turns = [(at, stage) for at, stage in _turns(release, all_) if release.since <= at <= end]
    ends = [at for at, _ in turns[1:]] + [end]
    segments = [Segment(release.id, stage, begin, after) for (begin, stage), after in zip(turns, ends, strict=False)]
    if gone or not segments:
        return [segment for segment in segments if segment.begin < segment.end]
    return [*(s for s in segments[:-1] if s.begin < s.end), replace(segments[-1], lasts=True)]


def _turns(release: Release, all_: Sequence[Release]) -> list[tuple[datetime, Stage]]:
    """When it came into which stage, in the order of time."""
    status = release.status
    live, demoted, drained = status.live_at, status.demoted_at, status.drained_at
    if live is not None and demoted is not None and demoted < live:
        demoted = None  # from before it was last live
    if drained is not None and (demoted or live) is not None and drained < (demoted or live or drained):
        drained = None
    before_live = Stage.NOT_RECORDED if _came_back(release, all_) else Stage.READY
    # Who is not current any more, without a note since when: it may have been so for long.
    lived = Stage.CURRENT if demoted or status.phase is Phase.CURRENT else Stage.NOT_RECORDED
    failed = status.failed_at if status.phase in (Phase.FAILED, Phase.DELETED) else None
    turns = [
        (release.since, Stage.PENDING),
        (status.deployed_at, Stage.TESTING if release.spec.app.tests is not None else before_live),
        (status.tested_at, before_live),
        (live, lived),
        (demoted, Stage.DRAINING),
        (drained, Stage.DRAINED),
        (failed, Stage.FAILED),
    ]
    return sorted(((at, stage) for at, stage in turns if at is not None), key=lambda turn: turn[0])


def _came_back(release: Release, all_: Sequence[Release]) -> bool:
    """Whether it seems to have been live before it went live last, of which its record tells nothing any more.

    It was passed by: another went live between its tests and its own turn, as a rollback leaves it.
    """
    ready, live = release.status.tested_at or release.status.deployed_at or release.since, release.status.live_at
    if live is None:
        return False
    baked = release.status.baked_at
    if baked is not None and baked < live:
        return True
    others = (r.status.live_at for r in all_ if r.id != release.id)
    return any(at is not None and ready < at < live for at in others)
