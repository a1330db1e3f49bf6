"""The mark of a release that is rolled back from: on its record before the route moves, and off again if it does not.

After the patch a kill would forget who was rolled back from, and its own workflow could bring it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rainbow.adapters.records import list_releases, note_if_unchanged
from rainbow.adapters.routes import read_route
from rainbow.adapters.world import World
from rainbow.decisions.asking import after
from rainbow.decisions.switch import ALL, recorded
from rainbow.errors import RainbowError
from rainbow.model.release import Mark, Phase, Release
from rainbow.model.route import RouteState


def note_before(world: World, route: RouteState, releases: Sequence[Release], reject: Mark | None) -> None:
    """Have the record of the release before say that it is current, or a kill after the patch would forget that it was.

    The mark of one that is rolled back from comes before the patch for the same reason.
    """
    for before in releases:
        if before.id != route.current:
            continue
        changes: dict[str, Any] = {}
        if (before.status.phase, before.status.traffic) != (Phase.CURRENT, ALL):
            changes = recorded(before, route, world.clock.now())
        if reject is not None and before.status.rejected != reject:
            changes["rejected"] = reject
        if changes:
            note_if_unchanged(world.kube, before, **changes)


def reject(world: World, target: Release, release: str | None, mark: Mark) -> None:
    """Another run may have taken the mark back, whose own switch had failed."""
    for found in list_releases(world.kube, target.namespace, target.app):
        if found.id == release and found.status.rejected is None:
            note_if_unchanged(world.kube, found, rejected=mark)


def take_back(world: World, target: Release, reject: Mark | None) -> None:
    """The route did not move: nobody was rolled back from. Whatever goes wrong is only said."""
    if reject is None:
        return
    try:
        current = read_route(world.kube, target.spec.app, though_gone=True).current
        for found in list_releases(world.kube, target.namespace, target.app):
            if found.id == current and found.status.rejected == reject:
                note_if_unchanged(world.kube, found, rejected=None)
    except RainbowError as error:
        world.say(f"the mark of a rollback that failed may still be on the current release of {target.app}: {error}")


def forgive(world: World, target: Release, asked_at: datetime | None) -> None:
    """A person wants the release that is current now: a mark from before that, as of a rollback cut short, is over."""
    for found in list_releases(world.kube, target.namespace, target.app):
        rejected = found.status.rejected
        if found.id == target.id and rejected is not None and not after(rejected.at, asked_at):
            note_if_unchanged(world.kube, found, rejected=None)
