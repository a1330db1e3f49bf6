"""Waiting until the objects of a release are ready, or hopeless; the lock of the app is kept alive meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rainbow.adapters.lock import Lock
from rainbow.adapters.readiness import observe
from rainbow.adapters.world import World
from rainbow.decisions.readiness import Readiness, State, judge, track
from rainbow.errors import PermanentError, TemporaryError
from rainbow.model.durations import format_duration
from rainbow.model.release import ObjectRef, Release
from steps.failure import has_lived

INTERVAL = 0.5  # seconds between two looks


def wait_until_ready(world: World, release: Release, expected: Sequence[ObjectRef], lock: Lock) -> None:
    """Look again and again. Raises PermanentError, with what was seen, when they do not become ready (in time)."""
    timeout = release.spec.app.ready_timeout
    deadline = world.clock.monotonic() + timeout.total_seconds()
    troubles: Mapping[str, datetime] = {}
    decision = Readiness(State.WAITING, ())
    while True:
        late = world.clock.monotonic() >= deadline
        before, given_up = decision, decision.state is State.HOPELESS
        try:
            # Before giving up it is looked at once more, with logs and events.
            seen = observe(world.kube, release, expected, details=late or given_up)
            troubles = track(troubles, seen, world.clock.now())
            decision = judge(seen, troubles, world.clock.now())
        except TemporaryError as error:
            # An API server that is away for a moment says nothing about the release.
            if late:
                raise
            decision = Readiness(State.WAITING, (str(error),))
        if decision.state is State.READY:
            world.say(f"release {release.id} is ready")
            return
        if decision.state is State.HOPELESS and (late or given_up):
            raise PermanentError(_report(release, "will not become ready", decision))
        if late:
            raise PermanentError(_report(release, f"is not ready after {format_duration(timeout)}", decision))
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
