"""Move the old rows of the app's database into the new structure, while users work (F4).

After the switch, so that what is written meanwhile is in both. The container works in batches and may be killed at any
time; the next run goes on. It may take days: this step then ends with exit code 75 now and then, to be started again,
while the container works on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from rainbow.adapters.world import World
from rainbow.model.durations import Duration
from rainbow.model.migrations import Stage
from steps import migrating
from steps.migrating import migrate
from steps.migrator import MigrationParams, Migrator

OUTPUTS: Mapping[str, str] = {}
RULES: list[dict[str, Any]] = [*migrating.RULES]


class Params(MigrationParams):
    """Parameters of `backfill`."""

    max_wait: Duration = Field(
        default=timedelta(hours=6), description="give up after this long with exit code 75, to be started again"
    )


def run(params: Params, world: World) -> None:
    """Backfill. Raises PermanentError with its last lines when it failed, TemporaryError when `max_wait` is over."""
    migrator = Migrator(params, world, Stage.BACKFILL, patience=params.max_wait)
    release = migrator.release()
    migrations = release.spec.app.migrations
    if migrations is None or migrations.backfill is None:
        world.say(f"release {release.id} of app {release.app} has no backfill (`migrations.backfill` in rainbow.yaml)")
        return
    if params.dry_run:
        migrator.preview(release)
        return
    migrate(migrator, release)
