"""Expand the schema of the app's database before the release is deployed: it adds, and takes nothing away (F4).

Also where the release brings no change of its own: it asks the database whether the release works with it, so that
skipping a stage is refused before anything is there. A failed expand changes nothing that users see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rainbow.adapters.lock import lock_of
from rainbow.adapters.world import World
from rainbow.errors import PermanentError
from rainbow.model.migrations import Stage
from rainbow.model.release import Phase
from steps import migrating
from steps.failure import marked_as_failed, take_up
from steps.migrating import migrate
from steps.migrator import MigrationParams, Migrator

OUTPUTS: Mapping[str, str] = {}
RULES: list[dict[str, Any]] = [*migrating.RULES]


class Params(MigrationParams):
    """Parameters of `expand`."""


def run(params: Params, world: World) -> None:
    """Expand. Raises Refused when it may not be, PermanentError with its last lines when it failed."""
    migrator = Migrator(params, world, Stage.EXPAND)
    release = migrator.release()
    if release.spec.app.migrations is None:
        world.say(f"app {release.app} has no database (`migrations` in rainbow.yaml)")
        return
    if params.dry_run:
        migrator.preview(release)
        return
    release = take_up(world, release, Phase.PENDING)
    # `make-room` may have taken it for this workflow, and `deploy` goes on with it.
    lock = lock_of(world, release)
    lock.resume()
    migrator.locks = (lock,)
    with marked_as_failed(world, release):
        try:
            migrate(migrator, release)
        except PermanentError:
            lock.give_back()
            raise
