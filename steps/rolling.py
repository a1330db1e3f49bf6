"""Rolling an app to a release: what `roll`, `undo` and `rollback` have in common, under the lock of the app (F2).

The objects are applied over those that are there, by their plain names; then the controller replaces pod after pod, and
a new one has to be ready before it counts. Killed anywhere, a second run applies the same again and goes on waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rainbow.adapters.kube import DEPLOYMENT, Object
from rainbow.adapters.lock import Lock
from rainbow.adapters.rolling import leave_behind, observe_roll, put_rolled, read_rolled
from rainbow.adapters.routes.traces import Trace
from rainbow.adapters.world import World
from rainbow.decisions.readiness import Seen, State
from rainbow.decisions.rendering import describe, rolled_overlay
from rainbow.errors import PermanentError
from rainbow.model.durations import format_duration
from rainbow.model.release import Release
from steps.deploy import rendered_objects
from steps.readying import follow


class RollFailed(PermanentError):
    """The pods of the release did not become ready in time; those of the one before are still there, as many as may."""


def objects_of_roll(release: Release) -> list[Object]:
    """What is applied. Raises Refused for a base that cannot be rolled."""
    return rendered_objects(release, rolled_overlay)[0]


def roll(world: World, release: Release, lock: Lock, *, before: str | None, ordered_at: datetime | None = None) -> None:
    """Apply the objects of the release, and wait for their pods. Raises RollFailed, or LostLock when others took over.

    `before` is left on each Deployment: whom to go back to.
    """
    objects = objects_of_roll(release)
    for obj in objects:
        at = read_rolled(world.kube, release.namespace, release.app)
        token = lock.check(at.last.token if at else None)
        put_rolled(world.kube, release.app, obj, Trace(world.clock.now(), before, token, ordered_at), token)
        world.say(f"applied {describe(obj)}")
    for name in leave_behind(world.kube, release.namespace, release.app, objects):
        world.say(f"Deployment {name} is no part of {release.id} any more and runs on as it is: remove it by hand")
    _wait(world, release, [o["metadata"]["name"] for o in objects if o["kind"] == DEPLOYMENT.kind], lock)


def _wait(world: World, release: Release, names: Sequence[str], lock: Lock) -> None:
    """Follow the roll to its end."""
    limit, kube = release.spec.app.roll_deadline, world.kube

    def look(details: bool) -> Seen:
        return observe_roll(kube, release.namespace, release.app, names, release.id, details=details)

    decision = follow(world, lock, limit, look)
    if decision.state is State.READY:
        world.say(f"the app is at release {release.id}: every pod is updated and ready")
        return
    late = f"was not rolled out after {format_duration(limit)}"
    what = "will not become ready" if decision.state is State.HOPELESS else late
    lines = "".join(f"\n  {reason}" for reason in (*decision.reasons, *decision.pending))
    raise RollFailed(f"release {release.id} of app {release.app} in {release.namespace} {what}:{lines}")
