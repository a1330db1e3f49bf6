"""Rolling an app to a release: what `roll`, `undo` and `rollback` have in common, under the lock of the app (F2).

The objects are applied over those that are there, by their plain names; then the controller replaces pod after pod, and
a new one has to be ready before it counts. Killed anywhere, a second run applies the same again and goes on waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rainbow.adapters.kube import DEPLOYMENT, Object
from rainbow.adapters.lock import Lock
from rainbow.adapters.rolling import leave_behind, observe_roll, put_rolled, read_rolled
from rainbow.adapters.routes.traces import Trace
from rainbow.adapters.world import World
from rainbow.decisions.readiness import Readiness, State, judge, track
from rainbow.decisions.rendering import describe, rolled_overlay
from rainbow.errors import PermanentError, TemporaryError
from rainbow.model.durations import format_duration
from rainbow.model.release import Release
from steps.deploy import rendered_objects

INTERVAL = 0.5  # seconds between two looks


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
    limit = release.spec.app.roll_deadline
    deadline = world.clock.monotonic() + limit.total_seconds()
    troubles: Mapping[str, datetime] = {}
    decision = Readiness(State.WAITING, ())
    while True:
        late = world.clock.monotonic() >= deadline
        given_up, told = decision.state is State.HOPELESS, decision.reasons
        try:
            details = late or given_up  # before giving up it is looked at once more, with logs and events
            seen = observe_roll(world.kube, release.namespace, release.app, names, release.id, details=details)
            troubles = track(troubles, seen, world.clock.now())
            decision = judge(seen, troubles, world.clock.now())
        except TemporaryError as error:
            if late:
                raise
            decision = Readiness(State.WAITING, (str(error),))
        if decision.state is State.READY:
            world.say(f"the app is at release {release.id}: every pod is updated and ready")
            return
        if late or (decision.state is State.HOPELESS and given_up):
            what = f"was not rolled out after {format_duration(limit)}" if late else "will not become ready"
            lines = "".join(f"\n  {reason}" for reason in (*decision.reasons, *decision.pending))
            raise RollFailed(f"release {release.id} of app {release.app} in {release.namespace} {what}:{lines}")
        lock.renew()
        if decision.reasons != told:
            world.say("rolling: " + "; ".join(decision.reasons))
        world.clock.sleep(INTERVAL)
