"""Whether the route may be pointed at a release now, and how.

Rules: only a release that passed its tests (S6), and those of the current one (C5); what nobody can understand is left
alone; a release that was overtaken by a newer one, was live before, or was rolled back from comes only when a person
says so (design.md, rule 5); nothing is switched while an operator holds the app (B5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rainbow.decisions.asking import overruled
from rainbow.decisions.compatibility import unproven
from rainbow.decisions.overtaking import overtaken
from rainbow.decisions.schema import misfit
from rainbow.model.release import Mark, Phase, Release, format_time
from rainbow.model.route import RouteState

SWITCHING = "switching"  # status.traffic of a release that a switch is about to point the route at
ALL = "100%"
NONE = "-"


class Act(StrEnum):
    """What to do with the route."""

    CREATE = "create"
    PATCH = "patch"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True)
class SwitchFacts:
    """What was read: the route, the records of the app's releases, and the Services (without a release) it carries.

    `hold`: an operator wants nothing to be switched. `asked_at`: when a person asked for it (None: just now).
    """

    route: RouteState
    target: Release
    releases: Sequence[Release]
    bases: frozenset[str]
    hold: Mark | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True)
class SwitchDecision:
    """What to do, and why. `demoted` are the releases that stop being current once the target answers.

    `superseded`: refused for good, as a newer release came first and this one never carried traffic.
    """

    act: Act
    reasons: tuple[str, ...]
    demoted: tuple[str, ...] = ()
    superseded: bool = False


def recorded(release: Release, route: RouteState, now: datetime, *, answered: bool = True) -> dict[str, Any]:
    """The fields of its status that make the record of a release say what the route says.

    `answered`: the proxy was seen to answer from the release that the route leads to. Until then the one before may
    still have users, so the record goes on saying that it carries traffic, which keeps `delete` away (rule 3).
    """
    status = release.status
    if route.current == release.id:
        # Live since the switch; a release that came back is live since it came back, though nobody may have noted that
        # it had gone: the run that led users away from it was killed before that.
        known = status.live_at if status.phase == Phase.CURRENT else None
        times = [at for at in (known, route.switched_at) if at is not None]
        current = {"phase": Phase.CURRENT, "traffic": ALL, "live_at": max(times, default=now)}
        current |= dict.fromkeys(("demoted_at", "drained_at", "sealed_at", "blocker", "message"))
        return current | ({"rejected": None} if _promoted_again(release, route) else {})
    if status.phase == Phase.CURRENT:
        carrying = status.traffic if status.traffic == SWITCHING else ALL
        traffic = NONE if answered else carrying
        # It was not demoted before the route was moved, whoever's clock is slow.
        moved = route.switched_at if route.previous == release.id and route.switched_at else now
        return {"phase": Phase.DRAINING, "traffic": traffic, "demoted_at": status.demoted_at or max(now, moved)}
    return {"traffic": NONE} if answered else {}


def announced(target: Release) -> dict[str, Any]:
    """The fields that keep `delete` away from a release that is about to be switched to.

    One whose deletion was only announced is taken back, and one that was sealed is opened again.
    """
    status = target.status
    changes: dict[str, Any] = {"traffic": SWITCHING, "sealed_at": None}
    if status.phase == Phase.DELETED:
        changes["phase"] = Phase.DRAINED if status.drained_at else Phase.DRAINING
    return changes


def _promoted_again(release: Release, route: RouteState) -> bool:
    """Whether the route was led to it after it had been rolled back from, as only a person can have it."""
    rejected, at = release.status.rejected, route.switched_at
    return rejected is not None and at is not None and at > rejected.at


_TESTED = (Phase.READY, Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)


def decide_switch(facts: SwitchFacts, *, allow_older: bool = False) -> SwitchDecision:
    """The decision for the target. `allow_older`: a person wants it back although it was overtaken or demoted."""
    target, route = facts.target, facts.route
    if reasons := _not_fit(target, allow_older) or _not_understood(facts):
        return SwitchDecision(Act.REFUSE, reasons)
    demoted = _demoted(facts)
    if route.current == target.id:
        return SwitchDecision(Act.NOTHING, (f"the route points at {target.id} already",), demoted)
    if (refused := _too_late(facts, allow_older=allow_older)) is not None:
        return refused
    if (why := _stopped(facts, allow_older=allow_older)) is not None:
        return SwitchDecision(Act.REFUSE, (why,))
    if not route.exists:
        why = f"there is no route yet: create it, pointing at {target.id}"
        return SwitchDecision(Act.CREATE, (why,), demoted)
    why = f"point the route at {target.id} instead of {route.current}"
    return SwitchDecision(Act.PATCH, (why,), demoted)


def _too_late(facts: SwitchFacts, *, allow_older: bool) -> SwitchDecision | None:
    """A newer release came first; or, for a person's word, a newer one of somebody."""
    if allow_older:
        why = overruled(facts.route, facts.target, facts.asked_at)
        return None if why is None else SwitchDecision(Act.REFUSE, (why,))
    found = overtaken(facts.target, facts.route, facts.releases)
    return None if found is None else SwitchDecision(Act.REFUSE, found.reasons, superseded=found.for_good)


def _stopped(facts: SwitchFacts, *, allow_older: bool) -> str | None:
    """Its clients would be let down, who are those of the current release; its schema is gone; or the app is held."""
    current = next((r for r in facts.releases if r.id == facts.route.current), None)
    if not allow_older and (why := unproven(facts.target, current)) is not None:
        return why
    if (why := misfit(facts.target, facts.releases)) is not None:
        return why
    return None if facts.hold is None else held(facts.target.namespace, facts.target.app, facts.hold)


def held(namespace: str, app: str, hold: Mark) -> str:
    """What everybody is told whom the hold of an app stops."""
    return (
        f"app {app} is held by {hold.by} since {format_time(hold.at)}: {hold.reason or 'no reason given'}; nothing is "
        f"switched until somebody resumes it: rainbow resume -n {namespace} {app}"
    )


def still_there(release: Release) -> bool:
    """Whether nothing of it was deleted yet. Without the time, `delete` has only announced itself on the record."""
    return release.status.phase != Phase.DELETED or release.status.deleted_at is None


def _not_fit(target: Release, allow_older: bool) -> tuple[str, ...]:
    phase = target.status.phase
    if phase in _TESTED:
        return ()
    if phase == Phase.DELETED:
        if allow_older and still_there(target) and target.status.live_at is not None:
            return ()  # its deletion was announced: whoever writes the record first wins
        again = f"rainbow redeploy -n {target.namespace} {target.app} {target.id}"
        return (f"release {target.id} is deleted: to have it again: {again}",)
    if phase == Phase.FAILED:
        return (f"release {target.id} failed: {target.status.message or 'no reason recorded'}",)
    return (f"release {target.id} has not passed its tests: its phase is {phase}",)


def _not_understood(facts: SwitchFacts) -> tuple[str, ...]:
    route = facts.route
    if not route.exists:
        return ()
    if plain := sorted(route.plain & facts.bases):
        return (
            f"the route points at {', '.join(plain)}, which belong to no release: make what runs there the first "
            "release with rainbow adopt, or point the route at a release",
        )
    if route.current is None:
        found = ", ".join(sorted(route.services)) or "no Service"
        return (f"the route exists, but points at no release of {facts.target.app}: {found}",)
    return ()


def _demoted(facts: SwitchFacts) -> tuple[str, ...]:
    """Who is current by the route or by its record, and is not the target.

    By the record as well, since a switch may have been killed between moving the route and writing the notes.
    """
    return tuple(
        r.id
        for r in facts.releases
        if r.id != facts.target.id
        and r.status.phase != Phase.DELETED
        and (r.id == facts.route.current or r.status.phase == Phase.CURRENT or r.status.traffic == ALL)
    )
