"""What a rollback does to what is rolled: there is no other set of pods to lead users to, so the pods change."""

from __future__ import annotations

from rainbow.adapters.lock import Lock
from rainbow.adapters.rolling import read_rolled
from rainbow.adapters.world import World
from rainbow.model.release import Release
from steps.marks import check_mark
from steps.rejecting import note_before
from steps.rolling import roll
from steps.switching import Look, Order


def roll_over(world: World, order: Order, seen: Look, lock: Lock) -> float:
    """Roll an app whose whole base is rolled to the release that is wanted. When it began (Clock.monotonic)."""
    again = seen.route.current == order.target.id  # a run before this one was cut off on the way
    if not again:
        note_before(world, seen.route, seen.releases, order.reject)
    lock.check(seen.route.token)
    check_mark(world, order.target)
    begun = world.clock.monotonic()
    before = seen.route.previous if again else seen.route.current
    ordered = (order.asked_at or world.clock.now()) if order.ordered else None
    roll(world, order.target, lock, before=before, ordered_at=ordered)
    return begun


def roll_parts(world: World, target: Release, lock: Lock) -> None:
    """Have what is rolled beside releases go back with them, once users are back; `roll` had led it on before."""
    at = read_rolled(world.kube, target.namespace, target.app)
    if at is not None and (at.release, at.settled) != (target.id, True):
        world.say(f"{', '.join(target.spec.app.rolled_workloads)} goes back from {at.release} to {target.id}, too")
        roll(world, target, lock, before=at.release)
