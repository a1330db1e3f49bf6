"""Remove the old structure from the schema of the app's database, once nothing needs it any more (F4, F5).

It is refused while a release that needs it is current, draining, held or kept, and names each. Before anything is
removed, a note on the record says so, which `switch` and `rollback` read; and all is looked at once more after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field

from rainbow.adapters.records import list_releases
from rainbow.adapters.world import World
from rainbow.decisions.migrations import Act, decide_stage
from rainbow.decisions.schema import newest_note
from rainbow.errors import BadInput
from rainbow.model.durations import Duration
from rainbow.model.migrations import SchemaState, Stage
from rainbow.model.names import ReleaseId
from rainbow.model.release import Release
from steps import migrating
from steps.migrating import migrate, refused
from steps.migrator import MigrationParams, Migrator
from steps.schema_facts import read_current_route, read_facts

INPUTS = ("app", "release", "later", "reason", "by")
OUTPUTS: Mapping[str, str] = {}
RULES: list[dict[str, Any]] = [
    *migrating.RULES,
    # Whether pods of releases that were deleted still end.
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
]

POLL = 2.0  # seconds


class Params(MigrationParams):
    """Parameters of `contract`."""

    release: ReleaseId | None = Field(  # type: ignore[assignment]
        default=None, description="id of the release that declares it; left out, the current one"
    )
    later: bool = Field(
        default=False, description="end well when it has to wait: it is noted on the record, and done later"
    )
    max_wait: Duration = Field(
        default=timedelta(minutes=15), description="so long it waits for the pods of deleted releases to end"
    )


def run(params: Params, world: World) -> None:
    """Contract. Raises Refused, naming the releases in the way, unless it may be done `later`."""
    params = params if params.release else params.model_copy(update={"release": _current(params, world)})
    migrator = Migrator(params, world, Stage.CONTRACT)
    release = migrator.release()
    migrations = release.spec.app.migrations
    if migrations is None or migrations.contract is None:
        world.say(f"release {release.id} of app {release.app} has no contract (`migrations.contract` in rainbow.yaml)")
        return
    if params.dry_run:
        migrator.preview(release)
        return
    _await_pods(params, world, release)
    decision = migrate(migrator, release)
    if decision is None or decision.act is not Act.WAIT:
        return
    if not params.later:
        raise refused(Stage.CONTRACT, release, decision)
    where = f"-n {release.namespace} {release.app} {release.id}"
    world.say(f"contract has to wait: {decision.text}. When that is over: rainbow contract {where}")


def _await_pods(params: Params, world: World, release: Release) -> None:
    """Pods of releases that have just been deleted end at their own pace; when all else is well, that is waited for."""
    until, said = world.clock.monotonic() + params.max_wait.total_seconds(), ""
    while (waits := _ending(world, release)) and world.clock.monotonic() < until:
        if waits != said:
            world.say(f"waiting: {waits}")
        said = waits
        world.clock.sleep(POLL)


def _ending(world: World, release: Release) -> str:
    """What is waited for, by the schema as the records have it; empty when it is not, or not only, for such pods."""
    last = newest_note(list_releases(world.kube, release.namespace, release.app))
    if last is None:
        return ""
    state = SchemaState(version=last.version, backfilled=last.backfilled)
    facts, now = read_facts(world.kube, release, state, ending=True), world.clock.now()
    decision = decide_stage(Stage.CONTRACT, facts, now)
    without = decide_stage(Stage.CONTRACT, replace(facts, pods={}), now)
    return decision.text if (decision.act, without.act) == (Act.WAIT, Act.RUN) else ""


def _current(params: Params, world: World) -> str:
    """Raises BadInput when the route leads to no release."""
    releases = list_releases(world.kube, params.namespace, params.app)
    if (found := read_current_route(world.kube, releases).current) is None:
        raise BadInput(f"no release of an app {params.app} is current in namespace {params.namespace}; name one")
    return found
