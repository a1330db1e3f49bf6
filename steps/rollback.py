"""Point the route back at an earlier release that is still there, and mark the one it takes over from as rejected.

A rollback wins (design.md, rule 5): it takes the lock from a release that is under way, which then ends as superseded,
and what it rolled back from is only promoted again by a person. The earlier release is given its pods back before it
gets its users. Killed at any line, a second run finishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from rainbow.adapters.kube import Kube
from rainbow.adapters.lock import holding
from rainbow.adapters.person import who_asks
from rainbow.adapters.policies import read_policy
from rainbow.adapters.records import list_releases, read_release
from rainbow.adapters.rolling import ROLLING
from rainbow.adapters.routes import read_route
from rainbow.adapters.routes.moving import NOWHERE
from rainbow.adapters.world import World
from rainbow.decisions.asking import dated
from rainbow.decisions.bake import BY
from rainbow.decisions.carriers import carriers
from rainbow.decisions.rollback import Act, RollbackDecision, RollbackFacts, Wish, decide_rollback
from rainbow.errors import BadInput, Refused
from rainbow.model.names import ReleaseId
from rainbow.model.release import Mark, Release
from rainbow.model.route import RouteState
from steps.shape import Operation
from steps.switching import SWITCHING_RULES, Order, carry_out, report

OUTPUTS: Mapping[str, str] = {
    "previous": "",  # the release that was rolled back from
    "switch-ms": "",  # patch → its last answer, as this step saw it; empty when not measured
}
INPUTS = ("app", "release", "from_release", "allow_rejected", "despite_hold", "reason", "by")

# What a switch needs; and for an app that is rolled, to apply what the earlier release had.
RULES: list[dict[str, Any]] = [*SWITCHING_RULES, *ROLLING]


class Params(Operation):
    """Parameters of `rollback`."""

    release: ReleaseId | None = Field(  # type: ignore[assignment]
        default=None,
        description="id of the release to go back to; left out, the last one that was current before, is still there "
        "and was not rolled back from",
    )
    from_release: ReleaseId | None = Field(
        default=None, description="go back only if this release is current; else nothing is done"
    )
    allow_rejected: bool = Field(default=False, description="also to a release that was itself rolled back from")
    despite_hold: bool = Field(default=False, description="also while the app is held")
    proxy_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="instead of the address in rainbow.yaml, for running the step outside the cluster",
    )


@dataclass(frozen=True)
class _Look:
    decision: RollbackDecision
    route: RouteState
    target: Release | None
    releases: list[Release]


def run(params: Params, world: World) -> None:
    """Roll back. Raises Refused when there is nothing to go back to, TemporaryError when it does not answer."""
    found = _look(params, world)
    decision, target = found.decision, found.target
    if params.dry_run:
        world.say(f"rollback of {params.app} would {decision.act}: {'; '.join(decision.reasons)}")
        return
    if decision.act is Act.REFUSE:
        raise Refused(f"not rolled back: {'; '.join(decision.reasons)}")
    world.say(f"{decision.act}: {'; '.join(decision.reasons)}")
    if target is None:
        return
    reject = Mark(
        reason=params.reason or f"rolled back to {target.id}",
        by=params.by or who_asks(world.kube),
        at=dated(world.clock.now(), found.releases, world.asked_at),
    )
    order = Order(
        target,
        allow_older=True,
        despite_hold=True,
        proxy_url=params.proxy_url,
        reject=reject,
        from_release=params.from_release,
        ordered=params.by != BY,
        rolls=True,
        asked_at=world.asked_at,
    )
    with holding(world, target, on_route=found.route.token or 0, force=True) as lock:
        outcome = carry_out(world, order, lock)
    report(world, outcome)


def _look(params: Params, world: World) -> _Look:
    kube = world.kube
    releases = list_releases(kube, params.namespace, params.app)
    if params.release is not None:
        asked = read_release(kube, params.namespace, params.app, params.release)  # or it says which there are
        if asked.id not in [release.id for release in releases]:  # it came after the list was taken
            releases.append(asked)
    if not releases:
        raise BadInput(f"no release of an app {params.app} in namespace {params.namespace}; is the name right?")
    wish = Wish(params.release, params.from_release, params.allow_rejected, params.despite_hold, world.asked_at)
    route = _route(kube, releases)
    # A hold that does not matter, or cannot be read, stops no rollback that says so.
    hold = None if params.despite_hold else read_policy(kube, params.namespace, params.app).spec.hold
    facts = RollbackFacts(params.namespace, params.app, route, releases, hold)
    decision = decide_rollback(facts, wish, world.clock.now())
    return _Look(decision, route, next((r for r in releases if r.id == decision.target), None), releases)


def _route(kube: Kube, releases: Sequence[Release]) -> RouteState:
    """The route that carries users, though their release be broken.

    It stands in the records of those that were live; what somebody has just submitted may name another one.
    """
    known = carriers(releases)
    states = (read_route(kube, c.release.spec.app, though_gone=True) for c in known if c.lived)
    return next((state for state in states if state.current is not None), NOWHERE)
