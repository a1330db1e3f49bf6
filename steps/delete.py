"""Delete the releases that are drained and old enough, after looking again; everything else is kept and says why.

The garbage collection of a single app (steps/removal.py), and the end of the workflow of a release. The records stay,
as history.
"""

from __future__ import annotations

from typing import Any

from rainbow.adapters.bus import NatsUrl
from rainbow.adapters.drain import DrainWatch, PrometheusUrl
from rainbow.adapters.records import read_release
from rainbow.adapters.world import World
from rainbow.decisions.progress import to_be_gone
from rainbow.decisions.retention import Act
from rainbow.errors import TemporaryError
from steps import removal
from steps.removal import Removal
from steps.shape import StepParams


class Params(StepParams):
    """Any release of the app; all releases of the app are looked at."""

    prometheus_url: PrometheusUrl = None
    nats_url: NatsUrl = None


OUTPUTS: dict[str, str] = {"deleted": ""}
RULES: list[dict[str, Any]] = removal.RULES


def run(params: Params, world: World) -> None:
    """Look at all releases of the app and delete what may go. Raises TemporaryError when something is left to do."""
    read_release(world.kube, params.namespace, params.app, params.release)
    watch = DrainWatch(world.kube, world.clock, params.prometheus_url, params.nats_url)
    pass_ = Removal(world, watch, [params.namespace], params.app)
    (seen,) = pass_.read()
    if seen.trouble is not None:
        raise seen.trouble
    for _, _, verdict in pass_.verdicts():
        if verdict.act is not Act.NOTHING:
            world.say(f"{verdict.release}: {verdict.act}: {verdict.reason}")
    for record in seen.unreadable:
        world.say(f"{record.release}: keep: {record.why}")
    if params.dry_run:
        return
    expected = to_be_gone(seen.releases, params.release, seen.routes.current, world.clock.now())
    fates = pass_.carry_out()
    world.output("deleted", ",".join(fate.release.id for fate in fates if fate.deleted))
    for error in (fate.hopeless for fate in fates if fate.hopeless):
        raise error
    undone = {fate.release.id: fate.undone for fate in fates if fate.undone}
    for fate in fates:
        if fate.verdict.passing and fate.release.id in expected and not fate.deleted:
            undone.setdefault(fate.release.id, f"was drained, and is kept: {fate.verdict.reason}")
    if undone:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in undone.items())
        raise TemporaryError(f"not all is deleted of {params.app} that could be; run the step again: {reasons}")
