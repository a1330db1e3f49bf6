"""Point the route at a release, and wait until the proxy answers from it.

The record of the release before says that it carries traffic until the proxy was seen to answer from the new one,
though it says Draining when the run ends before that. Killed at any line, a second run finishes. What moves the route,
and in which order, is in steps/switching.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from rainbow.adapters.lock import holding, lock_of
from rainbow.adapters.records import read_release
from rainbow.adapters.world import World
from rainbow.decisions.asking import after, late
from rainbow.errors import Refused
from rainbow.model.release import Release
from rainbow.model.route import RouteState
from steps.failure import mark_failed
from steps.marks import unmark
from steps.shape import Operation
from steps.switching import SWITCHING_RULES, Order, Superseded, carry_out, look, obey, report

OUTPUTS: Mapping[str, str] = {
    "previous": "",  # the release that was current before; empty when there was none
    "switch-ms": "",  # patch → last answer of the release before, as this step saw it; empty when not measured
}
INPUTS = ("app", "release", "approved", "allow_older", "reason", "by")

RULES: list[dict[str, Any]] = [*SWITCHING_RULES]


class Params(Operation):
    """Parameters of `switch`."""

    allow_older: bool = Field(
        default=False,
        description="also switch to a release that a newer one has replaced, that was current before, or that was "
        "rolled back from",
    )
    approved: str | None = Field(
        default=None, description="`yes` by whoever approves the release, where rainbow.yaml asks for approval"
    )
    proxy_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="instead of the address in rainbow.yaml, for running the step outside the cluster",
    )


def run(params: Params, world: World) -> None:
    """Switch. Raises Refused when a rule forbids it, TemporaryError when the proxy does not answer as it must."""
    target = read_release(world.kube, params.namespace, params.app, params.release)
    order = Order(
        target,
        allow_older=params.allow_older,
        proxy_url=params.proxy_url,
        ordered=params.allow_older,
        asked_at=world.asked_at,
    )
    _refuse_unapproved(params, world, target)
    if params.dry_run:
        decision = look(world, order).decision
        world.say(f"switch of {target.app} to {target.id} would {decision.act}: {'; '.join(decision.reasons)}")
        return
    if params.by:
        world.say(f"asked for by {params.by}: {params.reason or 'no reason given'}")
    try:
        on_route = _refused_early(world, order)
        with holding(world, target, on_route=on_route) as lock:
            outcome = carry_out(world, order, lock)
    except Superseded as error:
        # Nobody would come back to it, and `delete` is to know that.
        mark_failed(world, target, f"{error}; a person has it all the same by run-tests and switch --allow-older")
        raise
    report(world, outcome)


def _refuse_unapproved(params: Params, world: World, target: Release) -> None:
    """Whatever brought the choice here: without a yes nothing is switched. `allow_older` is a person's word as well."""
    if not target.spec.app.approval or params.allow_older:
        return
    _refuse_other_life(params, world, target)
    if params.approved == "yes":
        return
    if params.approved is None:
        raise Refused(
            f"release {target.id} of app {target.app} in namespace {target.namespace} waits for approval: "
            f"rainbow approve -n {target.namespace} {target.app} {target.id}"
        )
    why = "it was not approved, or nobody answered in time"
    if not params.dry_run:
        mark_failed(world, target, why)
    raise Refused(f"release {target.id} of app {target.app} is not switched to: {why}. To try again, release anew")


def _refuse_other_life(params: Params, world: World, target: Release) -> None:
    """Who answered for a life of the release that has ended has said nothing of this one, which has its own gate."""
    status = target.status
    if params.approved is None or status.redeployed_run == world.run or not after(status.redeployed_at, world.asked_at):
        return
    raise Refused(
        f"release {target.id} of app {target.app} in namespace {target.namespace} was redeployed since this workflow "
        f"was submitted: its answer ({params.approved}) was for the release before that, and changes nothing now; "
        f"answer the newer one: rainbow approve -n {target.namespace} {target.app} {target.id}"
    )


def _refused_early(world: World, order: Order) -> int:
    """What is refused waits for nobody, and gives back at once what the steps before it have held."""
    seen = look(world, order)
    try:
        obey(seen)
        _refuse_late(world, order, seen.route)
    except Refused:
        lock = lock_of(world, order.target)
        unmark(world, order.target, lock)  # a run that was killed may have left it
        lock.give_back()
        raise
    return seen.route.token or 0


def _refuse_late(world: World, order: Order, route: RouteState) -> None:
    """A person's wish, carried out by Retry long after the route has moved on, is none any more."""
    if not order.ordered or route.current == order.target.id:
        return
    if (why := late(route, order.asked_at, world.clock.now())) is not None:
        where = f"-n {order.target.namespace} {order.target.app} {order.target.id}"
        raise Refused(f"not switched: {why}: rainbow switch {where} --allow-older")
