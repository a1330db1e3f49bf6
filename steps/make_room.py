"""Make room for the next release of a blue/green app: the idle one goes first, so that there are never three (F1).

It was kept to be gone back to until this moment, whatever its age; now it goes if it has no work left, and else nothing
is deployed. It goes only for a release that may go live, under the lock of the app, which `deploy` takes over. An app
with the strategy `rainbow` has room for any number of releases.
"""

from __future__ import annotations

from typing import Any

from rainbow.adapters.bus import NatsUrl
from rainbow.adapters.drain import DrainWatch, PrometheusUrl
from rainbow.adapters.gate import waits_at_gate
from rainbow.adapters.kube import CONFIG_MAP
from rainbow.adapters.lock import LOCKING, Lock, holding, lock_of
from rainbow.adapters.policies import read_policy
from rainbow.adapters.records import list_releases, read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.survey import AppSeen
from rainbow.adapters.world import World
from rainbow.decisions.keeping import making_way
from rainbow.decisions.retention import Act
from rainbow.decisions.room import Act as Room
from rainbow.decisions.room import decide_room, waits_for_approval
from rainbow.errors import Refused, TemporaryError
from rainbow.model.release import Release
from rainbow.model.staying import Strategy
from steps import removal
from steps.failure import marked_as_failed
from steps.removal import Removal
from steps.shape import StepParams


class Params(StepParams):
    """The release that is to be deployed."""

    prometheus_url: PrometheusUrl = None
    nats_url: NatsUrl = None


OUTPUTS: dict[str, str] = {}
RULES: list[dict[str, Any]] = [
    *removal.RULES,
    # whether an operator holds the app; and its lock, from here to the switch
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["get"]},
    *LOCKING,
]


def run(params: Params, world: World) -> None:
    """Delete the idle release. Raises Refused when it cannot go, or when the new one cannot go live in any case."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    if release.spec.app.strategy is not Strategy.BLUE_GREEN:
        world.say(f"the strategy is {release.spec.app.strategy}: there is room for any number of releases")
        return
    if params.dry_run:
        if _needed(world, release):
            _make_room(release, params, world, None)
        return
    with marked_as_failed(world, release):
        try:
            needed = _needed(world, release)
        except Refused:
            lock_of(world, release).give_back()  # an earlier try of the same workflow may have it
            raise
        if needed:
            with holding(world, release, carried=True) as lock:
                _make_room(release, params, world, lock)


def _needed(world: World, release: Release) -> bool:
    """Raises Refused for a release that will not go live: nothing makes way for it."""
    release = read_release(world.kube, release.namespace, release.app, release.id)
    releases = list_releases(world.kube, release.namespace, release.app)
    route = read_route(world.kube, release.spec.app)
    hold = read_policy(world.kube, release.namespace, release.app).spec.hold
    decision = decide_room(release, route, releases, hold)
    if decision.act is Room.REFUSE:
        raise Refused(f"no room is made for release {release.id} of {release.app}: {decision.reason}")
    if decision.act is Room.NOTHING:
        world.say(decision.reason)
    return decision.act is Room.MAKE


def _make_room(release: Release, params: Params, world: World, lock: Lock | None) -> None:
    def in_the_way(app: AppSeen, other: Release) -> bool:
        # Packed sources alone are of one that is yet to be built.
        objects = [obj for obj in app.belongings.of(other.id) if obj["kind"] != CONFIG_MAP.kind]
        return bool(objects) and other.id not in (release.id, app.routes.current)

    watch = DrainWatch(world.kube, world.clock, params.prometheus_url, params.nats_url)
    idle = Removal(world, watch, [params.namespace], params.app, rules=making_way, only=in_the_way)
    if lock is not None:
        idle.waiting = lock.renew
    (seen,) = idle.read()
    if seen.trouble is not None:
        raise seen.trouble
    verdicts = [verdict for _, _, verdict in idle.verdicts()]
    for verdict in verdicts:
        world.say(f"{verdict.release}: {verdict.act}: {verdict.reason}")
    staying = {v.release: v.reason for v in verdicts if v.act not in (Act.DELETE, Act.COMPLETE)}
    if staying:
        raise _refused(world, release, staying, seen)
    # Reading took minutes, perhaps, and a rollback waits for no lock.
    if lock is None or not _needed(world, release):
        return
    lock.check(None)
    fates = idle.carry_out()
    staying = {fate.release.id: fate.verdict.reason for fate in fates if not fate.deleted and not fate.undone}
    for error in (fate.hopeless for fate in fates if fate.hopeless):
        raise error
    if staying:
        raise _refused(world, release, staying, seen)
    if undone := "; ".join(f"{fate.release.id}: {fate.undone}" for fate in fates if fate.undone):
        raise TemporaryError(f"no room yet for release {release.id} of {release.app}: {undone}")


def _refused(world: World, release: Release, staying: dict[str, str], seen: AppSeen) -> Refused:
    """What stays, and who at its gate is waited for: a person who answers makes room, whatever the answer."""
    at_gate = [r.id for r in seen.releases if r.id in staying and waits_for_approval(r) and _waits(world, r)]
    reasons = "; ".join(f"{id_}: {'waits for approval' if id_ in at_gate else why}" for id_, why in staying.items())
    where, then = f"-n {release.namespace} {release.app}", "Retry when it can"
    if at_gate:
        answers = "; ".join(f"rainbow approve {where} {id_}, or the same with --reject" for id_ in at_gate)
        then = f"Answer first: {answers}. Retry when it is current, or has failed"
    return Refused(
        f"release {release.id} of {release.app} is not deployed: blue/green has room for two releases, and the idle "
        f"one cannot go ({reasons}). {then}"
    )


def _waits(world: World, release: Release) -> bool:
    """Not known is taken for yes: to say so costs nothing."""
    return waits_at_gate(world.kube, release.namespace, release.app, release.id) is not False
