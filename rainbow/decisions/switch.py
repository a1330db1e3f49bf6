"""Whether the route may be pointed at a release now, and how.

Rules: only a release that passed its tests (S6); what nobody can understand is left alone; a release that was
overtaken by a newer one, or was live before, comes back only when a person says so (design.md, rule 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rainbow.model.release import Phase, Release
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
    """What was read: the route, the records of the app's releases, and the Services (without a release) it carries."""

    route: RouteState
    target: Release
    releases: Sequence[Release]
    bases: frozenset[str]


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
        # Live since the switch; a release that came back is live since it came back.
        known = status.live_at if status.phase == Phase.CURRENT else None
        current = {"phase": Phase.CURRENT, "traffic": ALL, "live_at": known or route.switched_at or now}
        return current | dict.fromkeys(("demoted_at", "drained_at", "blocker", "message"))
    if status.phase == Phase.CURRENT:
        carrying = status.traffic if status.traffic == SWITCHING else ALL
        traffic = NONE if answered else carrying
        return {"phase": Phase.DRAINING, "traffic": traffic, "demoted_at": status.demoted_at or now}
    return {"traffic": NONE} if answered else {}


_TESTED = (Phase.READY, Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)


def decide_switch(facts: SwitchFacts, *, allow_older: bool = False) -> SwitchDecision:
    """The decision for the target. `allow_older`: a person wants it back although it was overtaken or demoted."""
    target, route = facts.target, facts.route
    if reasons := _not_fit(target) or _not_understood(facts):
        return SwitchDecision(Act.REFUSE, reasons)
    demoted = _demoted(facts)
    if route.current == target.id:
        return SwitchDecision(Act.NOTHING, (f"the route points at {target.id} already",), demoted)
    if not allow_older and (reasons := _overtaken(facts)):
        return SwitchDecision(Act.REFUSE, reasons, superseded=_superseded(facts))
    if not route.exists:
        why = f"there is no route yet: create it, pointing at {target.id}"
        return SwitchDecision(Act.CREATE, (why,), demoted)
    why = f"point the route at {target.id} instead of {route.current}"
    return SwitchDecision(Act.PATCH, (why,), demoted)


def _not_fit(target: Release) -> tuple[str, ...]:
    phase = target.status.phase
    if phase in _TESTED:
        return ()
    if phase == Phase.DELETED:
        return (f"release {target.id} is deleted; release it again under a new id",)
    if phase == Phase.FAILED:
        return (f"release {target.id} failed: {target.status.message or 'no reason recorded'}",)
    return (f"release {target.id} has not passed its tests: its phase is {phase}",)


def _not_understood(facts: SwitchFacts) -> tuple[str, ...]:
    route = facts.route
    if not route.exists:
        return ()
    if plain := sorted(route.plain & facts.bases):
        return (
            f"the route points at {', '.join(plain)}, which belong to no release: taking over what runs already is "
            "not possible yet. Delete the route and let switch create it, or point it at a release",
        )
    if route.current is None:
        found = ", ".join(sorted(route.services)) or "no Service"
        return (f"the route exists, but points at no release of {facts.target.app}: {found}",)
    return ()


def _overtaken(facts: SwitchFacts) -> tuple[str, ...]:
    target, route = facts.target, facts.route
    if route.current is not None:
        current = next((r for r in facts.releases if r.id == route.current), None)
        if current is None:
            why = f"the route points at {route.current}, of which no record can be read: which is newer is unknown"
            return (why, _by_hand(target))
    else:
        current = next((r for r in reversed(facts.releases) if r.status.phase == Phase.CURRENT), None)
    if current is not None and current.id != target.id and current.created > target.created:
        return (f"release {target.id} is superseded: {current.id} is current and newer",)
    if _replaced(target, route):
        why = f"release {target.id} was current before and was replaced: only a person brings it back"
        return (why, _by_hand(target))
    if current is not None and current.id != target.id and current.created == target.created:
        # The API server writes whole seconds, and nothing else of a record says which came first.
        why = f"{target.id} and {current.id} (current) were created in the same second: which is newer is unknown"
        return (why, _by_hand(target))
    return ()


def _superseded(facts: SwitchFacts) -> bool:
    target, route = facts.target, facts.route
    current = next((r for r in facts.releases if r.id == route.current), None)
    return current is not None and current.created > target.created and not _replaced(target, route)


def _replaced(target: Release, route: RouteState) -> bool:
    """Whether it was live and is no longer (rule 5): by the route, which knows first, or by its record.

    A rollback that was cut short has moved the route, and may have written no record. What the record of the target
    says then, that it is current, is from before. Marks of other switches under way count for nothing here.
    """
    status = target.status
    if route.current is None:
        return status.demoted_at is not None and status.phase != Phase.CURRENT
    lived = status.phase == Phase.CURRENT or status.live_at is not None or status.demoted_at is not None
    return lived or route.previous == target.id


def _by_hand(target: Release) -> str:
    step = f"rainbow step switch --namespace {target.namespace} --app {target.app} --release {target.id} --allow-older"
    return f"to switch to it all the same: {step}"


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
