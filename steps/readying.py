"""Waiting until the objects of a release are ready, or hopeless; the lock of the app is kept alive meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from rainbow.adapters.lock import Lock
from rainbow.adapters.readiness import observe
from rainbow.adapters.world import World
from rainbow.decisions.readiness import Readiness, Seen, State, judge, track
from rainbow.errors import PermanentError, TemporaryError
from rainbow.model.durations import format_duration
from rainbow.model.release import ObjectRef, Release
from steps.failure import has_lived

INTERVAL = 0.5  # seconds between two looks


def wait_until_ready(world: World, release: Release, expected: Sequence[ObjectRef], lock: Lock) -> None:
    """Look again and again. Raises PermanentError, with what was seen, when they do not become ready (in time)."""
    timeout = release.spec.app.ready_timeout
    decision = follow(world, lock, timeout, lambda details: observe(world.kube, release, expected, details=details))
    if decision.state is State.READY:
        world.say(f"release {release.id} is ready")
        return
    late = f"is not ready after {format_duration(timeout)}"
    what = "will not become ready" if decision.state is State.HOPELESS else late
    raise PermanentError(_report(release, what, decision))


def follow(world: World, lock: Lock, timeout: timedelta, look: Callable[[bool], Seen]) -> Readiness:
    """Look until all is ready, hopeless, or the time is over, and tell what is waited for: the last decision.

    `look` is told whether details are wanted, logs and events: before giving up it is called once more with them.
    Raises the TemporaryError of the last look; one before that says nothing about the release.
    """
    deadline = world.clock.monotonic() + timeout.total_seconds()
    troubles: Mapping[str, datetime] = {}
    decision = Readiness(State.WAITING, ())
    while True:
        late = world.clock.monotonic() >= deadline
        before, given_up = decision, decision.state is State.HOPELESS
        try:
            seen = look(late or given_up)
            troubles = track(troubles, seen, world.clock.now())
            decision = judge(seen, troubles, world.clock.now())
        except TemporaryError as error:
            if late:
                raise
            decision = Readiness(State.WAITING, (str(error),))
        if decision.state is State.READY or late or (decision.state is State.HOPELESS and given_up):
            return decision
        lock.renew()
        if decision.reasons != before.reasons:
            world.say("waiting: " + "; ".join(decision.reasons))
        world.clock.sleep(INTERVAL)


def _report(release: Release, what: str, decision: Readiness) -> str:
    lines = "".join(f"\n  {reason}" for reason in (*decision.reasons, *decision.pending))
    # A release that was live and is deployed again by hand may have users at this moment.
    users = "It carries traffic or did, so users may notice" if has_lived(release) else "Users are untouched"
    return (
        f"release {release.id} of app {release.app} in namespace {release.namespace} {what}:{lines}\n"
        f"{users}. Mend the cause and retry this step, or release anew."
    )
