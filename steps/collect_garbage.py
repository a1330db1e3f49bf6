"""Delete all that is due, of every app of some namespaces in one pass: releases, what lost its record, old records.

The same removal as `delete` (steps/removal.py), of all apps at once: each kind is listed once in a namespace, however
many apps and releases there are; Prometheus is asked for each release whose work matters. One app's trouble does not
stop the others. Started on a schedule (workflows/collect_garbage.py); a run that is killed loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter

from rainbow.adapters.bus import NatsUrl
from rainbow.adapters.drain import DrainWatch, PrometheusUrl
from rainbow.adapters.world import World
from rainbow.decisions.retention import Act
from rainbow.decisions.schema import contract_due
from rainbow.errors import BadInput, PermanentError, RainbowError, TemporaryError
from rainbow.model.names import Namespace
from steps import leftovers, removal
from steps.removal import Removal
from steps.shape import CommonParams


def _names(value: str) -> str:
    TypeAdapter(list[Namespace]).validate_python(value.split(","))
    return value


class Params(CommonParams):
    """All apps of the namespace, or of those that are given."""

    namespaces: Annotated[str, AfterValidator(_names)] | None = Field(
        default=None, description="namespaces to collect in, separated by commas; by default the step's own"
    )
    prometheus_url: PrometheusUrl = None
    nats_url: NatsUrl = None


INPUTS = ("namespaces",)
OUTPUTS: dict[str, str] = {"deleted": ""}
RULES: list[dict[str, Any]] = [
    *removal.RULES,
    # the records of releases that were deleted long ago, beyond retention.history
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["delete"]},
]


def run(params: Params, world: World) -> None:
    """One pass. Raises TemporaryError when something is left that may go next time.

    BadInput when nothing is in the way but what somebody has written wrongly; all others are served all the same.
    """
    namespaces = params.namespaces.split(",") if params.namespaces else [params.namespace]
    watch = DrainWatch(world.kube, world.clock, params.prometheus_url, params.nats_url)
    collection = Removal(world, watch, list(dict.fromkeys(namespaces)))
    collection.read()
    _say_plan(collection)
    if params.dry_run:
        return
    problems: list[RainbowError] = [app.trouble for app in collection.seen if app.trouble]
    deleted = []
    for fate in collection.carry_out():
        title = f"{fate.release.namespace}/{fate.release.name}"
        if fate.deleted:
            deleted.append(title)
        if fate.hopeless or fate.undone:
            problems.append(fate.hopeless or TemporaryError(f"{title}: {fate.undone}"))
    problems += leftovers.clear(collection)
    world.output("deleted", ",".join(deleted))
    world.say(f"releases deleted: {len(deleted)}; list calls: {collection.lists}")
    if problems:
        text = "; ".join(dict.fromkeys(map(str, problems)))
        raise _kind(problems)(f"not all that is due is deleted: {text}")


def _kind(problems: Sequence[RainbowError]) -> type[RainbowError]:
    """What they are together: what no later pass mends by itself goes first."""
    hopeless = [problem for problem in problems if isinstance(problem, PermanentError)]
    if not hopeless:
        return TemporaryError
    return BadInput if all(isinstance(problem, BadInput) for problem in hopeless) else PermanentError


def _say_plan(collection: Removal) -> None:
    say = collection.world.say
    for app in collection.seen:
        title = f"{app.namespace}/{app.app}"
        if app.trouble:
            say(f"{title}: everything is kept: {app.trouble}")
        for record in app.unreadable:
            say(f"{title} {record.release}: keep: {record.why}")
        for old in leftovers.surplus(app):
            say(f"{title} {old.id}: its record goes: retention.history keeps no more")
        for release in app.releases:
            if (due := contract_due(release, app.releases, app.routes.current)) is not None:
                say(f"{title} {release.id}: {due}: rainbow contract -n {app.namespace} {app.app} {release.id}")
    for app, _, verdict in collection.verdicts():
        if verdict.act is not Act.NOTHING:
            say(f"{app.namespace}/{app.app} {verdict.release}: {verdict.act}: {verdict.reason}")
    for app, verdict in leftovers.without_record(collection):
        say(f"{app.namespace}/{app.app} {verdict.release}: {verdict.act}: {verdict.reason}")
