"""Which release a rollback leads to, and whether it may (S10, B5).

A rollback is a person's word, or a bake's, and wins over every release under way. So it has to be sure what is meant:
one that comes late, as by Retry on an old workflow, does not undo what was switched since it was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rainbow.decisions.asking import GOOD_FOR, late, overruled
from rainbow.decisions.carriers import elsewhere
from rainbow.decisions.schema import misfit
from rainbow.decisions.switch import held, still_there
from rainbow.model.release import Mark, Phase, Release, format_time
from rainbow.model.route import RouteState


class Act(StrEnum):
    """What to do."""

    SWITCH = "switch"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Wish:
    """What was asked for, and when (None: just now). `release` None: the one before.

    `from_release`: only when this one is current.
    """

    release: str | None = None
    from_release: str | None = None
    allow_rejected: bool = False
    despite_hold: bool = False
    asked_at: datetime | None = None


@dataclass(frozen=True)
class RollbackFacts:
    """What was read: the route, the records of the app, and whether an operator holds it."""

    namespace: str
    app: str
    route: RouteState
    releases: Sequence[Release]
    hold: Mark | None = None


@dataclass(frozen=True)
class RollbackDecision:
    """What to do and why. `target` is to become current, `rejected` is what it takes over from."""

    act: Act
    reasons: tuple[str, ...]
    target: str | None = None
    rejected: str | None = None


def decide_rollback(facts: RollbackFacts, wish: Wish, now: datetime) -> RollbackDecision:
    """The decision. A release that was asked for by name has to be one of `facts.releases`."""
    current = facts.route.current
    if current is None:
        why = f"the route of app {facts.app} leads to no release, so there is none to roll back from"
        return RollbackDecision(Act.REFUSE, (why, _by_hand(facts, "switch")))
    if wish.from_release not in (None, current):
        return RollbackDecision(Act.NOTHING, (f"{current} is current, and not {wish.from_release} any more",))
    if _done(facts, wish):
        return RollbackDecision(Act.NOTHING, (f"the route was led back to {current} already",), current)
    target = _wanted(facts, wish)
    if target is not None and target.id == current:
        return RollbackDecision(Act.NOTHING, (f"the route points at {current} already",), target.id)
    if target is None or (reasons := _refused(facts, target, wish, now)):
        return RollbackDecision(Act.REFUSE, reasons if target else _nobody(facts), target.id if target else None)
    back = f"point the route at {target.id} instead of {current}, which only a person promotes again"
    return RollbackDecision(Act.SWITCH, (back,), target.id, current)


def _done(facts: RollbackFacts, wish: Wish) -> bool:
    """Whether an earlier try of the same run has done it: without a name, the next one would go one further back."""
    if wish.release is not None or wish.asked_at is None:
        return False
    left = next((r.status.rejected for r in facts.releases if r.id == facts.route.previous), None)
    return left is not None and left.at >= wish.asked_at


def _wanted(facts: RollbackFacts, wish: Wish) -> Release | None:
    if wish.release is not None:
        return next(release for release in facts.releases if release.id == wish.release)
    fit = [r for r in facts.releases if r.id != facts.route.current and _eligible(facts, r)]
    if before := next((r for r in fit if r.id == facts.route.previous), None):
        return before
    # Who came last went last; when it went may have been noted late (decisions/keeping.py).
    return max(fit, key=lambda r: (r.status.live_at or r.status.demoted_at or r.since, r.since), default=None)


def _eligible(facts: RollbackFacts, release: Release) -> bool:
    """It carried traffic by the same route, is still there, and nobody has rolled back from it."""
    there = _was_current(facts, release) and still_there(release) and not _elsewhere(facts, release)
    return there and release.status.rejected is None and misfit(release, facts.releases) is None


def _was_current(facts: RollbackFacts, release: Release) -> bool:
    status = release.status
    # A switch that was killed has moved the route, and may have written no record.
    lived = status.live_at is not None or status.phase in (Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)
    return lived or (release.id == facts.route.previous and status.phase == Phase.READY)


def _nobody(facts: RollbackFacts) -> tuple[str, ...]:
    why = f"no earlier release of app {facts.app} is still there that carried traffic and was not rolled back from"
    if gone := [r.id for r in facts.releases if not still_there(r)]:
        return (why, f"to have one again that was deleted ({', '.join(gone)}): {_by_hand(facts, 'redeploy')}")
    there = [r for r in facts.releases if r.id != facts.route.current and _was_current(facts, r) and still_there(r)]
    elsewhere = [text for release in there for text in _elsewhere(facts, release)]
    misfits = [text for release in there if (text := misfit(release, facts.releases)) is not None]
    return (why, *dict.fromkeys(elsewhere + misfits))


def _refused(facts: RollbackFacts, target: Release, wish: Wish, now: datetime) -> tuple[str, ...]:
    fit = _not_fit(facts, target, wish) or _elsewhere(facts, target)
    return _late(facts, target, wish, now) or fit or _held(facts, wish)


def _late(facts: RollbackFacts, target: Release, wish: Wish, now: datetime) -> tuple[str, ...]:
    why = overruled(facts.route, target, wish.asked_at)
    if why is None and wish.from_release is None:  # else the very release that is meant is still current
        why = late(facts.route, wish.asked_at, now, good_for=GOOD_FOR if wish.release else timedelta())
    return () if why is None else (f"{why}: {_by_hand(facts, 'rollback', target.id)}",)


def _not_fit(facts: RollbackFacts, target: Release, wish: Wish) -> tuple[str, ...]:
    if not still_there(target):
        return (f"release {target.id} is deleted; to have it again: {_by_hand(facts, 'redeploy', target.id)}",)
    if not _was_current(facts, target):
        phase = target.status.phase
        return (f"release {target.id} never carried traffic (its phase is {phase}): that would be no rollback",)
    if (wrong := misfit(target, facts.releases)) is not None:
        return (f"its schema is gone: {wrong}",)
    mark = target.status.rejected
    if mark is not None and not wish.allow_rejected:
        why = f"release {target.id} was itself rolled back from by {mark.by} at {format_time(mark.at)}: {mark.reason}"
        return (why, "to have it all the same: --allow-rejected")
    return ()


def _elsewhere(facts: RollbackFacts, target: Release) -> tuple[str, ...]:
    """Its rainbow.yaml names another route than the one that users take."""
    current = next((r for r in facts.releases if r.id == facts.route.current), None)
    why = elsewhere(target, current)
    return () if why is None else (why,)


def _held(facts: RollbackFacts, wish: Wish) -> tuple[str, ...]:
    if facts.hold is None or wish.despite_hold:
        return ()
    return (held(facts.namespace, facts.app, facts.hold), "or roll back all the same with --despite-hold")


def _by_hand(facts: RollbackFacts, verb: str, release: str = "RELEASE") -> str:
    return f"rainbow {verb} -n {facts.namespace} {facts.app} {release}"
