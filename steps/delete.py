"""Delete the releases that are drained and old enough, after looking again; everything else is kept and says why.

The record is marked before anything is deleted, on condition that nobody else wrote it; `switch` begins by writing the
same record, so that one of the two sees the other. Then everything is read again. Killed at any line, the next run
finds the mark and goes on, or takes it back. The record itself stays, as history. Pods end by themselves, at their own
pace (terminationGracePeriodSeconds): nobody waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rainbow.adapters.belongings import DELETABLE, Belongings, find_belongings, remove
from rainbow.adapters.drain import LOOKING, DrainWatch, PrometheusUrl
from rainbow.adapters.records import Unreadable, list_records, note_if_unchanged, read_release
from rainbow.adapters.routes import read_route, referenced_services
from rainbow.adapters.routes.gateway import LISTING
from rainbow.adapters.workflows import releases_at_work
from rainbow.adapters.world import World
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.progress import to_be_gone
from rainbow.decisions.retention import (
    Act,
    Findings,
    Routes,
    Verdict,
    committed,
    decide,
    left_behind,
    marked,
    may_have_work,
    reverted,
    was_live,
)
from rainbow.errors import Conflict, PermanentError, TemporaryError
from rainbow.model.release import Phase, Release
from steps.contract import StepParams


class Params(StepParams):
    """Any release of the app; all releases of the app are looked at."""

    prometheus_url: PrometheusUrl = None


OUTPUTS: dict[str, str] = {"deleted": ""}

RULES: list[dict[str, Any]] = [
    # which releases there are, and the mark on those that go; the records themselves stay
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # whether a release that says that it is being made is so: a workflow may have ended without a word
    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["list"]},
    # which release is current, and everything else that refers to a Service of one
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    *LISTING,
    *LOOKING,
    # what a release may consist of; only objects with both labels of the release are touched
    *({**rule, "verbs": ["list", "delete"]} for rule in DELETABLE),
]


@dataclass(frozen=True)
class _Seen:
    """One reading of everything the decision needs."""

    releases: list[Release]
    routes: Routes
    drains: dict[str, DrainDecision]
    belongings: Belongings
    at_work: frozenset[str] | None  # releases with a workflow; None when it is not known
    unreadable: list[Unreadable]

    def verdict(self, release: Release, world: World) -> Verdict:
        objects, hidden = len(self.belongings.of(release.id)), self.belongings.hidden.get(release.id)
        running = None if self.at_work is None else release.id in self.at_work
        found = Findings(self.drains.get(release.id), objects, hidden, running)
        return decide(release, self.routes, found, world.clock.now())


def run(params: Params, world: World) -> None:
    """Look at all releases of the app and delete what may go. Raises TemporaryError when something is left to do."""
    watch = DrainWatch(world.kube, world.clock, params.prometheus_url)
    seen = _settled(params, world, watch)
    verdicts = [(release, seen.verdict(release, world)) for release in seen.releases]
    for _, verdict in verdicts:
        if verdict.act is not Act.NOTHING:
            world.say(f"{verdict.release}: {verdict.act}: {verdict.reason}")
    for record in seen.unreadable:
        world.say(f"{record.release}: keep: {record.why}")
    if params.dry_run:
        return
    expected = to_be_gone(seen.releases, params.release, seen.routes.current, world.clock.now())
    deleted: list[str] = []
    undone: dict[str, str] = {}
    hopeless: list[PermanentError] = []
    for release, verdict in verdicts:
        try:
            done = _apply(release, verdict, seen, params=params, world=world, watch=watch)
        except PermanentError as error:  # the others are none the worse for it
            world.say(f"{release.id}: {error}")
            hopeless.append(error)
        except TemporaryError as error:
            undone[release.id] = f"changed meanwhile: {error}" if isinstance(error, Conflict) else str(error)
        else:
            if done.act in (Act.DELETE, Act.COMPLETE):
                deleted.append(release.id)
            elif done.passing and release.id in expected:
                undone[release.id] = f"was drained, and is kept: {done.reason}"
    world.output("deleted", ",".join(deleted))
    if hopeless:
        raise hopeless[0]
    if undone:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in undone.items())
        raise TemporaryError(f"not all is deleted of {params.app} that could be; run the step again: {reasons}")


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
    releases, unreadable = list_records(kube, params.namespace, params.app)
    route = read_route(kube, given.spec.app)
    belongings = find_belongings(kube, releases)
    references: dict[str, tuple[str, ...]] = {}
    for service, names in referenced_services(kube, params.namespace).items():
        if owner := belongings.owner_of_service(service):
            references[owner] = (*references.get(owner, ()), *names)
    asked = [r for r in releases if r.id != route.current and may_have_work(r.status) and not committed(r.status)]
    doubtful = any(r.id != route.current and left_behind(r.status) for r in releases)
    at_work = releases_at_work(kube, params.namespace, params.app) if doubtful else None
    drains = watch.look(asked)
    return _Seen(releases, Routes(route.current, references), drains, belongings, at_work, unreadable)


def _apply(
    release: Release, verdict: Verdict, seen: _Seen, *, params: Params, world: World, watch: DrainWatch
) -> Verdict:
    """What became of the release in the end. Raises Conflict when somebody else wrote meanwhile."""
    match verdict.act:
        case Act.KEEP:
            _note_kept(release, verdict, seen, world)
        case Act.REVERT:
            note_if_unchanged(world.kube, release, **reverted(release, seen.routes), blocker=verdict.reason)
        case Act.DELETE | Act.COMPLETE:
            return _delete(release, params, world, watch)
    return verdict


def _delete(release: Release, params: Params, world: World, watch: DrainWatch) -> Verdict:
    if not committed(release.status):
        note_if_unchanged(world.kube, release, **marked(release))
    seen = _read(params, world, watch)
    now = next((r for r in seen.releases if r.uid == release.uid), None)
    if now is None:
        world.say(f"{release.id}: left as it is: somebody has removed its record")
        return Verdict(release.id, Act.NOTHING, "its record is removed")
    again = seen.verdict(now, world)
    if again.act is Act.REVERT:
        note_if_unchanged(world.kube, now, **reverted(now, seen.routes), blocker=again.reason)
    if now.status.phase is not Phase.DELETED or again.act not in (Act.DELETE, Act.COMPLETE):
        world.say(f"{release.id}: {'gone' if again.act is Act.NOTHING else 'kept'} after all: {again.reason}")
        return again if again.act is Act.NOTHING else replace(again, act=Act.KEEP)
    if not committed(now.status):
        note_if_unchanged(world.kube, now, deleted_at=world.clock.now(), tasks=None)
    objects = seen.belongings.of(release.id)
    remove(world.kube, now, objects)
    world.say(f"{release.id}: deleted, objects: {len(objects)}")
    return again


def _note_kept(release: Release, verdict: Verdict, seen: _Seen, world: World) -> None:
    changes: dict[str, Any] = {}
    if release.status.phase is Phase.FAILED and release.status.failed_at is None:
        changes["failed_at"] = world.clock.now()
    # What drains has its blocker from wait-for-drain, which knows nothing of objects.
    told_here = not was_live(release.status) or verdict.reason == seen.belongings.hidden.get(release.id)
    if told_here and release.status.blocker != verdict.reason:
        changes["blocker"] = verdict.reason
    if changes:
        note_if_unchanged(world.kube, release, **changes)


def _state(decision: DrainDecision | None) -> DrainState | None:
    return None if decision is None else decision.state
