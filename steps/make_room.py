"""Make room for the next release of a blue/green app: the idle one goes first, so that there are never three (F1).

It was kept to be gone back to until this moment, whatever its age; now it goes if it has no work left, and else nothing
is deployed. An app with the strategy `rainbow` has room for any number of releases.
"""

from __future__ import annotations

from typing import Any

from rainbow.adapters.bus import NatsUrl
from rainbow.adapters.drain import DrainWatch, PrometheusUrl
from rainbow.adapters.kube import CONFIG_MAP
from rainbow.adapters.records import read_release
from rainbow.adapters.survey import AppSeen
from rainbow.adapters.world import World
from rainbow.decisions.keeping import making_way
from rainbow.decisions.retention import Act
from rainbow.errors import Refused, TemporaryError
from rainbow.model.release import Release
from rainbow.model.staying import Strategy
from steps import removal
from steps.contract import StepParams
from steps.failure import marked_as_failed
from steps.removal import Removal


class Params(StepParams):
    """The release that is to be deployed."""

    prometheus_url: PrometheusUrl = None
    nats_url: NatsUrl = None


OUTPUTS: dict[str, str] = {}
RULES: list[dict[str, Any]] = removal.RULES


def run(params: Params, world: World) -> None:
    """Delete the idle release. Raises Refused when it cannot go: it works, its work is unknown, or it is held."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    if release.spec.app.strategy is not Strategy.BLUE_GREEN:
        world.say(f"the strategy is {release.spec.app.strategy}: there is room for any number of releases")
        return
    if params.dry_run:
        _make_room(release, params, world)
        return
    with marked_as_failed(world, release):
        _make_room(release, params, world)


def _make_room(release: Release, params: Params, world: World) -> None:
    def in_the_way(app: AppSeen, other: Release) -> bool:
        # Packed sources alone are of one that is yet to be built.
        objects = [obj for obj in app.belongings.of(other.id) if obj["kind"] != CONFIG_MAP.kind]
        return bool(objects) and other.id not in (release.id, app.routes.current)

    watch = DrainWatch(world.kube, world.clock, params.prometheus_url, params.nats_url)
    idle = Removal(world, watch, [params.namespace], params.app, rules=making_way, only=in_the_way)
    (seen,) = idle.read()
    if seen.trouble is not None:
        raise seen.trouble
    verdicts = [verdict for _, _, verdict in idle.verdicts()]
    for verdict in verdicts:
        world.say(f"{verdict.release}: {verdict.act}: {verdict.reason}")
    staying = {v.release: v.reason for v in verdicts if v.act not in (Act.DELETE, Act.COMPLETE)}
    if staying:
        raise _refused(release, staying)
    if params.dry_run:
        return
    fates = idle.carry_out()
    staying = {fate.release.id: fate.verdict.reason for fate in fates if not fate.deleted and not fate.undone}
    for error in (fate.hopeless for fate in fates if fate.hopeless):
        raise error
    if staying:
        raise _refused(release, staying)
    if undone := "; ".join(f"{fate.release.id}: {fate.undone}" for fate in fates if fate.undone):
        raise TemporaryError(f"no room yet for release {release.id} of {release.app}: {undone}")


def _refused(release: Release, staying: dict[str, str]) -> Refused:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in staying.items())
    return Refused(
        f"release {release.id} of {release.app} is not deployed: blue/green has room for two releases, and the idle "
        f"one cannot go ({reasons}). Retry when it can"
    )
