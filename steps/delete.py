"""Delete the releases that are drained and old enough, after looking again; everything else is kept and says why.

The record is marked before anything is deleted, on condition that nobody else wrote it; `switch` begins by writing the
same record, so that one of the two sees the other. Then everything is read again. Killed at any line, the next run
finds the mark and goes on, or takes it back. The record itself stays, as history. Pods end by themselves, at their own
pace (terminationGracePeriodSeconds): nobody waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rainbow.adapters.belongings import DELETABLE, Belongings, find_belongings, remove
from rainbow.adapters.drain import LOOKING, DrainWatch
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.routes import read_route, referenced_services
from rainbow.adapters.world import World
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.retention import Act, Findings, Routes, Verdict, committed, decide, reverted, was_live
from rainbow.errors import Conflict, TemporaryError
from rainbow.model.release import Phase, Release
from steps.contract import StepParams


class Params(StepParams):
    """Any release of the app; all releases of the app are looked at."""


OUTPUTS: dict[str, str] = {"deleted": ""}

RULES: list[dict[str, Any]] = [
    # which releases there are, and the mark on those that go; the records themselves stay
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # which release is current, and everything else that refers to a Service of one
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    *LOOKING,
    # what a release may consist of; only objects with both labels of the release are touched
    *({**rule, "verbs": ["list", "delete"]} for rule in DELETABLE),
    # by label selector only: nobody needs to read them for that
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["deletecollection"]},
]


@dataclass(frozen=True)
class _Seen:
    """One reading of everything the decision needs."""

    releases: list[Release]
    routes: Routes
    drains: dict[str, DrainDecision]
    belongings: Belongings

    def verdict(self, release: Release, world: World) -> Verdict:
        found = Findings(self.drains.get(release.id), len(self.belongings.of(release.id)))
        return decide(release, self.routes, found, world.clock.now())


def run(params: Params, world: World) -> None:
    """Look at all releases of the app and delete what may go. Raises TemporaryError when something is left to do."""
    watch = DrainWatch(world.kube, world.clock)
    seen = _settled(params, world, watch)
    verdicts = [(release, seen.verdict(release, world)) for release in seen.releases]
    for _, verdict in verdicts:
        if verdict.act is not Act.NOTHING:
            world.say(f"{verdict.release}: {verdict.act}: {verdict.reason}")
    if params.dry_run:
        return
    deleted, undone = [], []
    for release, verdict in verdicts:
        try:
            if _apply(release, verdict, seen, params=params, world=world, watch=watch):
                deleted.append(release.id)
        except Conflict as error:
            world.say(f"{release.id}: left as it is, somebody else changed it: {error}")
            undone.append(release.id)
    world.output("deleted", ",".join(deleted))
    if undone:
        raise TemporaryError(f"release {', '.join(undone)} of {params.app} changed meanwhile; run the step again")


def _settled(params: Params, world: World, watch: DrainWatch) -> _Seen:
    """Read everything, again and again while some release only lacks samples in a row."""
    seen = _read(params, world, watch)
    policies = [release.spec.app.drain.prometheus for release in seen.releases]
    for _ in range(3 * max(policy.samples for policy in policies)):
        settling = [r for r in seen.releases if _state(seen.drains.get(r.id)) is DrainState.SETTLING]
        if not settling:
            break
        world.clock.sleep(min(r.spec.app.drain.prometheus.interval for r in settling).total_seconds())
        seen = _read(params, world, watch)
    return seen


def _read(params: Params, world: World, watch: DrainWatch) -> _Seen:
    kube = world.kube
    given = read_release(kube, params.namespace, params.app, params.release)
    # The records before the route: whoever switches in between changes the record, and marking it then conflicts.
    releases = list_releases(kube, params.namespace, params.app)
    route = read_route(kube, given.spec.app)
    belongings = find_belongings(kube, releases)
    references: dict[str, tuple[str, ...]] = {}
    for service, names in referenced_services(kube, params.namespace).items():
        if owner := belongings.owner_of_service(service):
            references[owner] = (*references.get(owner, ()), *names)
    asked = [r for r in releases if r.id != route.current and was_live(r.status) and not committed(r.status)]
    return _Seen(releases, Routes(route.current, references), watch.look(asked), belongings)


def _apply(release: Release, verdict: Verdict, seen: _Seen, *, params: Params, world: World, watch: DrainWatch) -> bool:
    """True when the release's objects were deleted."""
    match verdict.act:
        case Act.KEEP:
            _note_kept(release, verdict, world)
        case Act.REVERT:
            note_if_unchanged(world.kube, release, **reverted(release, seen.routes), blocker=verdict.reason)
        case Act.DELETE | Act.COMPLETE:
            return _delete(release, params, world, watch)
    return False


def _delete(release: Release, params: Params, world: World, watch: DrainWatch) -> bool:
    if not committed(release.status):
        note_if_unchanged(world.kube, release, phase=Phase.DELETED, deleted_at=None, blocker=None)
    seen = _read(params, world, watch)
    marked = next((r for r in seen.releases if r.uid == release.uid), None)
    if marked is None:
        world.say(f"{release.id}: left as it is: somebody has removed its record")
        return False
    again = seen.verdict(marked, world)
    if again.act is Act.REVERT:
        note_if_unchanged(world.kube, marked, **reverted(marked, seen.routes), blocker=again.reason)
    if marked.status.phase is not Phase.DELETED or again.act not in (Act.DELETE, Act.COMPLETE):
        world.say(f"{release.id}: {'gone' if again.act is Act.NOTHING else 'kept'} after all: {again.reason}")
        return False
    if not committed(marked.status):
        note_if_unchanged(world.kube, marked, deleted_at=world.clock.now(), tasks=None)
    objects = seen.belongings.of(release.id)
    remove(world.kube, marked, objects)
    world.say(f"{release.id}: deleted, objects: {len(objects)}")
    return True


def _note_kept(release: Release, verdict: Verdict, world: World) -> None:
    changes: dict[str, Any] = {}
    if release.status.phase is Phase.FAILED and release.status.failed_at is None:
        changes["failed_at"] = world.clock.now()
    if not was_live(release.status) and release.status.blocker != verdict.reason:
        changes["blocker"] = verdict.reason  # of the others, wait-for-drain notes it
    if changes:
        note_if_unchanged(world.kube, release, **changes)


def _state(decision: DrainDecision | None) -> DrainState | None:
    return None if decision is None else decision.state
