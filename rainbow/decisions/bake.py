"""Whether a release that has just become current may stay: from looks at its traffic to a decision (B4).

A look is good, a breach, without traffic, or unknown; unknown is neither a breach nor a pass (B1). As many breaches in
a row as `bake.breaches` switch back, at any time. As many looks in a row that are good or without traffic end the bake
once its duration is over. With neither, it goes on to twice its duration, and is then given up: nothing is switched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rainbow.model.baking import Bake, Breach
from rainbow.model.durations import format_duration
from rainbow.model.release import Release
from rainbow.model.route import RouteState

BY = "bake"  # who rejected a release that was switched back by itself


class Found(StrEnum):
    """What one look found."""

    GOOD = "good"
    BREACH = "breach"
    NO_TRAFFIC = "no traffic"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reading:
    """One number; None is unknown, and `why` says why."""

    value: float | None
    why: str = ""


@dataclass(frozen=True)
class Watched:
    """What one query of `bake.watch` says. `before` is what the release before showed when it was replaced.

    `before` None: there is nothing to compare with, as there was no release before, or nobody used it.
    """

    value: Reading
    before: Reading | None = None


@dataclass(frozen=True)
class Observation:
    """All readings of one look; `watched` is in the order of `bake.watch`."""

    traffic: Reading
    watched: tuple[Watched, ...]


@dataclass(frozen=True)
class Look:
    """One look, judged."""

    found: Found
    why: str


class Act(StrEnum):
    """What to do after a look."""

    WAIT = "wait"
    END = "end"
    SWITCH_BACK = "switch-back"
    GIVE_UP = "give-up"


@dataclass(frozen=True)
class BakeDecision:
    """What to do, and why."""

    act: Act
    reason: str


class Standing(StrEnum):
    """Where the bake of a release stands before anything is measured."""

    OPEN = "open"
    NONE = "none"  # nothing is to be watched
    BAKED = "baked"  # it passed before
    LEFT = "left"  # it is not current any more, by others
    SWITCHED_BACK = "switched back"
    SWITCHING_BACK = "switching back"  # that was begun, and broken off


def standing(release: Release, route: RouteState, began: datetime | None) -> Standing:
    """By the route, which is the truth, and what earlier runs of the step noted in the record."""
    status, bake = release.status, release.spec.app.bake
    rejected = status.rejected if status.rejected is not None and status.rejected.by == BY else None
    if route.current != release.id:
        return Standing.LEFT if rejected is None else Standing.SWITCHED_BACK
    if rejected is not None and (began is None or rejected.at >= began):
        return Standing.SWITCHING_BACK
    if bake is None or not bake.duration:
        return Standing.NONE
    if status.baked_at is not None and (began is None or status.baked_at >= began):
        return Standing.BAKED
    return Standing.OPEN


def counts_from(release: Release, began: datetime) -> datetime:
    """Since when all users have been on it, which became current at `began`.

    For what is rolled that is when its first pods were made. Until the roll has come to its end some users are still
    with the release before, and nothing is proven.
    """
    whole = release.status.deployed_at if release.rolled else None
    return began if whole is None else max(began, whole)


def one_number(values: Sequence[float]) -> Reading:
    """What a query is worth by the value of each series that it gave."""
    if not values:
        return Reading(None, "the query gave no series")
    if len(values) > 1:
        return Reading(None, f"the query gave {len(values)} series instead of one; aggregate them")
    if not math.isfinite(values[0]):
        return Reading(None, f"the query gave {values[0]}")
    return Reading(values[0])


def judge(bake: Bake, seen: Observation) -> Look:
    """The look that these readings are worth. What is unknown hides no breach of something else."""
    traffic = seen.traffic.value
    if traffic is None:
        return Look(Found.UNKNOWN, f"traffic: {seen.traffic.why}")
    if traffic < 0:
        return Look(Found.UNKNOWN, f"traffic: the query gave {traffic:g}, which is no number of requests")
    if traffic == 0:
        return Look(Found.NO_TRAFFIC, "no traffic")
    looks = [_judge_one(breach, watched) for breach, watched in zip(bake.watch, seen.watched, strict=True)]
    for found in (Found.BREACH, Found.UNKNOWN):
        if whys := [look.why for look in looks if look.found is found]:
            return Look(found, "; ".join(whys))
    return Look(Found.GOOD, "; ".join(look.why for look in looks))


def _judge_one(breach: Breach, watched: Watched) -> Look:
    value, before = watched.value.value, watched.before
    if value is None:
        return Look(Found.UNKNOWN, f"{breach.name}: {watched.value.why}")
    if breach.limit is not None and value > breach.limit:
        return Look(Found.BREACH, f"{breach.name} {value:g}, above the limit of {breach.limit:g}")
    if breach.ratio is not None and before is not None:
        if before.value is None:
            return Look(Found.UNKNOWN, f"{breach.name} of the release before: {before.why}")
        if value > breach.ratio * before.value:
            text = f"{breach.name} {value:g}, more than {breach.ratio:g} times the {before.value:g} before"
            return Look(Found.BREACH, text)
    return Look(Found.GOOD, f"{breach.name} {value:g}")


def decide_bake(looks: Sequence[Look], bake: Bake, began: datetime, now: datetime) -> BakeDecision:
    """What follows from the looks of this run, oldest first. `began`: when the release had all users."""
    row, enough = looks[-bake.breaches :], len(looks) >= bake.breaches
    why = looks[-1].why if looks else "nobody has looked yet"
    if enough and all(look.found is Found.BREACH for look in row):
        return BakeDecision(Act.SWITCH_BACK, f"{why} ({_times(bake.breaches)})")
    if enough and now >= began + bake.duration and all(look.found in (Found.GOOD, Found.NO_TRAFFIC) for look in row):
        return BakeDecision(Act.END, f"{why} at the end of {format_duration(bake.duration)}")
    if enough and now >= began + 2 * bake.duration:
        return BakeDecision(Act.GIVE_UP, why)
    return BakeDecision(Act.WAIT, f"{looks[-1].found}: {why}" if looks and why != looks[-1].found else why)


def _times(count: int) -> str:
    return "at one look" if count == 1 else f"{count} looks in a row"
