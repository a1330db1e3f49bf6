"""Going back to the release before one that failed: its objects are applied again, from its own record."""

from __future__ import annotations

from rainbow.adapters.lock import Lock
from rainbow.adapters.records import read_release
from rainbow.adapters.world import World
from rainbow.errors import PermanentError
from rainbow.model.release import Phase, Release
from steps.marks import settle
from steps.rolling import RollFailed, roll


def roll_back(world: World, failed: Release, before: str, lock: Lock) -> None:
    """Roll to the release before. Raises PermanentError, with what to do, when that does not become ready either."""
    target = read_release(world.kube, failed.namespace, failed.app, before)
    try:
        roll(world, target, lock, before=None)
    except RollFailed as error:
        raise PermanentError(
            f"release {failed.id} of app {failed.app} failed, and going back to {before} did not come to its end: "
            f"{error}\nMend the cause, then: rainbow rollback -n {failed.namespace} {failed.app} {before}"
        ) from error
    if target.rolled and target.status.phase is not Phase.CURRENT:
        settle(world, target)
    world.say(f"the app is at release {before} again")
