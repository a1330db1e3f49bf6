"""The mark that keeps `delete` away from a release that is being switched to, and the truth that replaces it.

The record says `switching` meanwhile; afterwards it says what the route says, whatever went wrong. Others write the
same records: each time on what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from rainbow.adapters.lock import Lock
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.routes.release_routes import release_route_refs
from rainbow.adapters.world import World
from rainbow.decisions.switch import SWITCHING, announced, recorded
from rainbow.errors import Conflict, RainbowError, TemporaryError
from rainbow.model.release import Phase, Release

ATTEMPTS = 5  # times that a precondition may fail before Argo takes over


def mark(world: World, target: Release, allowed: Callable[[], None]) -> Release:
    """Announce the switch on the record of the release, while `allowed` raises nothing."""
    for _ in range(ATTEMPTS):
        target = read_release(world.kube, target.namespace, target.app, target.id)
        allowed()
        objects = target.status.objects
        inventory = [*(ref for ref in release_route_refs(target) if ref not in objects), *objects]
        try:
            return note_if_unchanged(world.kube, target, objects=inventory, **announced(target))
        except Conflict:
            continue
    raise _busy(target)


def check_mark(world: World, target: Release) -> None:
    """Raises TemporaryError when the switch is not announced any more: `delete` may have begun since.

    Two pods of one workflow share the lock (a node was cut off, and Argo ran the step again): what the other one ends
    with may take the mark away. To be asked as the last thing before the route moves.
    """
    now = read_release(world.kube, target.namespace, target.app, target.id)
    if now.status.traffic != SWITCHING:
        raise TemporaryError(
            f"somebody took the mark of the switch off Release {now.namespace}/{now.name} (traffic is "
            f"{now.status.traffic}), so the route was left where it is; run the step again"
        )


def unmark(world: World, target: Release, lock: Lock) -> None:
    """Take it away again, if it is there; but never from another run, which has the lock and has just announced it.

    The record is read before the lock: whoever takes that later announces its switch on another version of the record.
    """
    for _ in range(ATTEMPTS):
        now = read_release(world.kube, target.namespace, target.app, target.id)
        if now.status.traffic != SWITCHING or lock.is_anothers(now.id):
            return
        try:
            route = read_route(world.kube, now.spec.app, though_gone=True)
            note_if_unchanged(world.kube, now, **recorded(now, route, world.clock.now()))
            return
        except Conflict:
            continue
    raise _busy(target)


def settle(world: World, release: Release, *, answered: bool = True) -> None:
    """Have a record say what the route says."""
    for _ in range(ATTEMPTS):
        release = read_release(world.kube, release.namespace, release.app, release.id)
        route = read_route(world.kube, release.spec.app)
        try:
            changes = recorded(release, route, world.clock.now(), answered=answered)
            note_if_unchanged(world.kube, release, **changes)
            return
        except Conflict:
            continue
    raise _busy(release)


def write_down(world: World, target: Release, demoted: Collection[str]) -> None:
    """The proxy answers from the target: its record says so, and those of the demoted ones that they have no users."""
    for release in list_releases(world.kube, target.namespace, target.app):
        # Another one that is marked is being switched to by a run of its own, which will say what became of it.
        before = release.id in demoted and release.status.traffic != SWITCHING
        if before or (release.id == target.id and release.status.traffic == SWITCHING):
            settle(world, release)


def leave_the_truth(world: World, target: Release, lock: Lock) -> None:
    """However the run ends, the records say what the route says."""
    try:
        unmark(world, target, lock)
        _note_replaced(world, target)
    except RainbowError as error:
        # The marks stay: a release is rather kept for too long than deleted under its users.
        world.say(f"the records of {target.app} may not say yet what the route says: {error}")


def _note_replaced(world: World, target: Release) -> None:
    """When the route leads to the target, nobody else's record says that it is current."""
    releases = list_releases(world.kube, target.namespace, target.app)
    before = [r for r in releases if r.id != target.id and r.status.phase == Phase.CURRENT]
    if before and read_route(world.kube, target.spec.app).current == target.id:
        for release in before:
            settle(world, release, answered=False)


def _busy(release: Release) -> TemporaryError:
    return TemporaryError(f"Release {release.namespace}/{release.name} is being written by others all the time")
