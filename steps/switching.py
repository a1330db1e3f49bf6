"""Leading the route to a release: what `switch` and `rollback` have in common, under the lock of the app.

Everything slow comes before the patch: the proxy has to answer from the release on its own route first, so that the
app's route never leads to a backend that the proxy does not know yet (design.md, rule 3). Killed at any line, a second
run finishes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rainbow.adapters.kube import DEPLOYMENT, Kube
from rainbow.adapters.lock import LOCKING, Lock
from rainbow.adapters.policies import read_policy
from rainbow.adapters.proxy import Sightings
from rainbow.adapters.records import list_releases
from rainbow.adapters.routes import carried_services, prepare_move, read_route
from rainbow.adapters.routes.asking import ask_preview, ask_route
from rainbow.adapters.routes.release_routes import open_release_routes
from rainbow.adapters.routes.rights import ROUTE_WRITING
from rainbow.adapters.shrinking import RESTORING, restore_replicas
from rainbow.adapters.world import World
from rainbow.decisions.asking import dated
from rainbow.decisions.carriers import carriers, elsewhere, route_of
from rainbow.decisions.sealing import was_live
from rainbow.decisions.switch import Act, SwitchDecision, SwitchFacts, decide_switch
from rainbow.errors import Conflict, RainbowError, Refused, TemporaryError
from rainbow.model.release import Mark, ObjectRef, Release
from rainbow.model.route import RouteState
from steps.marks import check_mark, leave_the_truth, mark, unmark, write_down
from steps.readying import wait_until_ready
from steps.rejecting import forgive, note_before, reject, take_back

# For the roles of the steps that switch.
SWITCHING_RULES: list[dict[str, Any]] = [
    # Who is current, newer, or fit to be switched to; and whether an operator holds the app.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["get"]},
    # The mark, the phase and the times of the target and of the releases before it.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    *ROUTE_WRITING,
    *RESTORING,
    # Whether its pods are back, and why not.
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
    *LOCKING,
]

ATTEMPTS = 5  # times that a precondition may fail before Argo takes over


class Superseded(Refused):
    """A newer release was quicker, or a person has rolled back meanwhile."""


@dataclass(frozen=True)
class Order:
    """What is wanted: `target` current. `reject`: the mark for the release that it takes over from (B5).

    `allow_older`: a person wants it, although it was overtaken, was current before, or was rolled back from.
    `from_release`: only as long as this one is current. `ordered`: by a person's own word, at `asked_at` (None: just
    now), so that nobody's older wish undoes it. `rolls`: an app that is rolled may be rolled by this very run.
    """

    target: Release
    allow_older: bool = False
    despite_hold: bool = False
    proxy_url: str | None = None
    reject: Mark | None = None
    from_release: str | None = None
    ordered: bool = False
    rolls: bool = False
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Look:
    """What the decision was made from, as far as it is needed afterwards."""

    decision: SwitchDecision
    route: RouteState
    releases: list[Release]


@dataclass(frozen=True)
class Outcome:
    """The route as it is now, what the proxy answered, and when the patch was sent (None: it had been before)."""

    target: Release
    route: RouteState
    seen: Sightings
    patched: float | None


def look(world: World, order: Order) -> Look:
    """Read everything and decide."""
    target, kube = order.target, world.kube
    route = read_route(kube, target.spec.app, though_gone=True)
    releases = list_releases(kube, target.namespace, target.app)
    # Its own record as it is now: the mark of `delete`, or a failure, may have come in between.
    target = next((r for r in releases if r.id == target.id), target)
    hold = None if order.despite_hold else read_policy(kube, target.namespace, target.app).spec.hold
    facts = SwitchFacts(route, target, releases, carried_services(target), hold, order.asked_at)
    if order.from_release is not None and route.current not in (order.from_release, target.id):
        gone = f"{route.current} is current, and not {order.from_release} any more"
        return Look(SwitchDecision(Act.REFUSE, (gone,)), route, releases)
    if (why := _led_elsewhere(kube, target, releases)) is not None:
        return Look(SwitchDecision(Act.REFUSE, (why,)), route, releases)
    return Look(decide_switch(facts, allow_older=order.allow_older), route, releases)


def _led_elsewhere(kube: Kube, target: Release, releases: list[Release]) -> str | None:
    """Of one that carried traffic before: by its own route it may still be current, long after another took the users.

    One that never did may well bring a route of its own, to which users are led on purpose.
    """
    known = [carrier for carrier in carriers(releases) if carrier.lived]
    if not was_live(target.status) or {route_of(carrier.release) for carrier in known} <= {route_of(target)}:
        return None
    led = (read_route(kube, carrier.release.spec.app, though_gone=True).current for carrier in known)
    current = next((name for name in led if name is not None), None)
    return elsewhere(target, next((r for r in releases if r.id == current), None))


def obey(seen: Look) -> None:
    """Raises Refused, or Superseded, when that is the decision."""
    if seen.decision.act == Act.REFUSE:
        raise (Superseded if seen.decision.superseded else Refused)(f"not switched: {'; '.join(seen.decision.reasons)}")


def carry_out(world: World, order: Order, lock: Lock) -> Outcome:
    """Switch. Raises Refused when a rule forbids it, TemporaryError when the proxy does not answer as it must."""
    try:
        target = mark(world, order.target, lambda: obey(look(world, order)))
    except Refused:
        unmark(world, order.target, lock)  # a run that was killed may have left it
        raise
    order = replace(order, target=target)
    try:
        _restore(world, target, lock)
        open_release_routes(world.kube, target)
        before, patched = _move(world, order, lock)
        after = read_route(world.kube, target.spec.app)
        unnamed = any(r.as_adopted and r.id == after.previous for r in before.releases)
        seen = ask_route(world.clock, target, after.hosts, order.proxy_url, unnamed=unnamed)
        write_down(world, target, before.decision.demoted)
        if order.rolls and target.spec.app.rolled_workloads:
            from steps.rolled import roll_parts

            roll_parts(world, target, lock)
        if patched is not None and order.reject is not None:
            reject(world, target, after.previous, order.reject)
        if order.ordered:
            forgive(world, target, order.asked_at)
    except RainbowError:
        take_back(world, target, order.reject)
        raise
    finally:
        leave_the_truth(world, target, lock)
    return Outcome(target, after, seen, patched)


def _restore(world: World, target: Release, lock: Lock) -> None:
    """What shrank while it drained (B8) has to be whole before its users come back."""
    if restored := restore_replicas(world.kube, target):
        names = [target.named(workload) for workload in restored]
        world.say(f"release {target.id} had shrunk; waiting until it is whole again: {', '.join(names)}")
        refs = [ObjectRef(api_version=DEPLOYMENT.api_version, kind=DEPLOYMENT.kind, name=name) for name in names]
        wait_until_ready(world, target, refs, lock)


def report(world: World, outcome: Outcome) -> None:
    """What became of it, in a line, and the outputs of the step."""
    target, route, seen = outcome.target, outcome.route, outcome.seen
    world.output("previous", route.previous or "")
    measured = ""
    if outcome.patched is None:
        text = "the route had been moved before, so how long it took is not known"
    elif route.previous is None:
        text = "there was no release before"
    else:
        last = seen.last_of_other
        measured = f"{(last.at - outcome.patched) * 1000:.0f}" if last else "0"
        text = f"the last answer of {route.previous} was seen {measured} ms after the patch was sent"
    world.output("switch-ms", measured)
    # Before its first release nobody used the app: the proxy's answers until it knew the route are no failures.
    failures = seen.failures if route.previous else []
    failed = f", {len(failures)} failed: {failures[-1]}" if failures else ", none failed"
    world.say(f"release {target.id} of {target.app} is current; {text} ({seen.count} requests asked{failed})")


# --- the move -----------------------------------------------------------------------------------------------


def _move(world: World, order: Order, lock: Lock) -> tuple[Look, float | None]:
    """Ask the preview, look and decide again, and move the route. When (Clock.monotonic), or None if it was moved."""
    target, asked = order.target, False
    for _ in range(ATTEMPTS):
        seen = look(world, order)
        obey(seen)
        if seen.decision.act == Act.NOTHING and (seen.route.settled or not order.rolls):
            return seen, None
        if target.rolled and order.rolls:
            from steps.rolled import roll_over  # with kustomize and all, which no switch needs

            return seen, roll_over(world, order, seen, lock)
        if not asked and not target.rolled:
            answers = ask_preview(world.clock, target, order.proxy_url)
            lock.renew()
            world.say(f"the proxy answers from release {target.id} on its preview host ({answers.count} requests)")
            asked = True
            continue
        try:
            now = dated(world.clock.now(), seen.releases, order.asked_at)
            ordered = (order.asked_at or now) if order.ordered else None
            move = prepare_move(world.kube, target, seen.route, now, lock.token, ordered_at=ordered)
            note_before(world, seen.route, seen.releases, order.reject)
            lock.check(seen.route.token)
            check_mark(world, target)
            patched = world.clock.monotonic()
            move.write()
        except Conflict as error:
            world.say(f"somebody else wrote meanwhile, looking again: {error}")
            continue
        for line in filter(None, (f"{seen.decision.act}: {'; '.join(seen.decision.reasons)}", move.remark)):
            world.say(line)
        return seen, patched
    raise TemporaryError(f"route {target.spec.app.route.entry.name} is being changed by others all the time")
