"""Removing releases, for `delete`, `collect-garbage` and `make-room`: survey, seal, survey again, note, remove.

What is to go is sealed first: its own routes are closed, on condition that nobody else wrote its record. Then
everything is read again and its work looked at anew, since work may have begun in the last moment. Only then is the
deletion noted, on condition again, and the objects go. `switch` begins by writing the same record, so that one of the
two sees the other. Killed at any line, the next run takes it up or takes it back. Pods end by themselves, at their own
pace (terminationGracePeriodSeconds): nobody waits for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rainbow.adapters.belongings import DELETABLE, remove
from rainbow.adapters.bus import remove_from_bus
from rainbow.adapters.drain import LOOKING
from rainbow.adapters.records import note_if_unchanged
from rainbow.adapters.routes import read_route
from rainbow.adapters.routes.gateway import LISTING
from rainbow.adapters.seal import SEALING, close, seal, standing_open, unseal
from rainbow.adapters.survey import AppSeen
from rainbow.adapters.world import World
from rainbow.decisions.age import noted_overdue
from rainbow.decisions.drain import DrainState
from rainbow.decisions.progress import overlooked_demotion
from rainbow.decisions.retention import Act, Verdict
from rainbow.decisions.sealing import committed, deleted, is_sealed, reverted, was_live
from rainbow.errors import Conflict, PermanentError, TemporaryError
from rainbow.model.release import Phase, Release
from steps.readings import Readings

RULES: list[dict[str, Any]] = [
    # which releases there are, the policies that apply to them, and the notes about those that go
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # whether a release that says that it is being made is so: a workflow may have ended without a word
    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["list"]},
    *SEALING,
    # which release is current, and everything else that refers to a Service of one
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    *LISTING,
    *LOOKING,
    # what a release may consist of; only objects with both labels of the release are touched
    *({**rule, "verbs": ["list", "delete"]} for rule in DELETABLE),
]


@dataclass(frozen=True)
class Fate:
    """What became of a release in the end; `undone` when something is left that may go next time."""

    release: Release
    verdict: Verdict
    undone: str | None = None
    hopeless: PermanentError | None = None

    @property
    def deleted(self) -> bool:
        """It is gone."""
        return self.verdict.act in (Act.DELETE, Act.COMPLETE) and not self.undone and not self.hopeless


class Removal(Readings):
    """One pass over them: plan, seal, and remove."""

    def carry_out(self) -> list[Fate]:
        """Do what the verdicts say. One release's trouble stops no other."""
        fates: list[Fate] = []
        going: list[Release] = []
        for app, release, verdict in list(self.verdicts()):
            if verdict.act is Act.COMPLETE:
                going.append(release)
                continue
            fate = self._attempt(app, release, verdict, self._seal if verdict.act is Act.DELETE else self._keep)
            if fate.deleted:
                going.append(release)
            else:
                fates.append(fate)
        if going:
            self.read({release.uid for release in going})
        return fates + [self._remove(release) for release in going]

    def _attempt(
        self, app: AppSeen, release: Release, verdict: Verdict, act: Callable[[AppSeen, Release, Verdict], None]
    ) -> Fate:
        try:
            act(app, release, verdict)
        except PermanentError as error:  # the others are none the worse for it
            self._say(release, str(error))
            return Fate(release, verdict, hopeless=error)
        except TemporaryError as error:
            undone = f"changed meanwhile: {error}" if isinstance(error, Conflict) else str(error)
            return Fate(release, verdict, undone=undone)
        return Fate(release, verdict)

    def _seal(self, _app: AppSeen, release: Release, _verdict: Verdict) -> None:
        seal(self.world.kube, self.world.clock, release)

    def _keep(self, app: AppSeen, release: Release, verdict: Verdict) -> None:
        if verdict.act is Act.REVERT:
            self._revert(app, release, verdict)
        elif verdict.act is Act.KEEP:
            _note_kept(self.world, app, release, verdict)

    def _revert(self, app: AppSeen, release: Release, verdict: Verdict) -> None:
        drain = app.drains.get(release.id)
        working = drain is not None and drain.state is DrainState.WORKING
        changes = reverted(release, app.routes.current, working=working)
        unseal(self.world.kube, release, **changes, blocker=verdict.lasting or verdict.reason)

    def _remove(self, sealed_one: Release) -> Fate:
        """Look at what was read again, and delete it if it still may go."""
        self.refresh()
        found = next(((a, r, v) for a, r, v in self.verdicts() if r.uid == sealed_one.uid), None)
        if found is None:
            self._say(sealed_one, "left as it is: it cannot be read any more, or its record is removed")
            return Fate(sealed_one, Verdict(sealed_one.id, Act.NOTHING, "its record is removed"))
        app, release, verdict = found
        if verdict.act is Act.DELETE and not is_sealed(release.status):
            verdict = replace(verdict, act=Act.KEEP, reason="somebody has opened it again", passing=True)
        if verdict.act in (Act.DELETE, Act.COMPLETE):
            return self._attempt(app, release, verdict, self._delete)
        self._say(release, f"{'gone' if verdict.act is Act.NOTHING else 'kept'} after all: {verdict.reason}")
        fate = self._attempt(app, release, verdict, self._keep)
        return replace(fate, verdict=replace(verdict, act=Act.NOTHING if verdict.act is Act.NOTHING else Act.KEEP))

    def _delete(self, app: AppSeen, release: Release, _verdict: Verdict) -> None:
        # Of all that was read again, what would do the most harm: read once more, at this very moment.
        if read_route(self.world.kube, release.spec.app).current == release.id:
            raise Conflict(f"the route of {release.app} points at {release.id} now")
        if not committed(release.status):
            self._commit(release)
        objects = app.belongings.of(release.id)
        remove(self.world.kube, release.app, release.id, objects)
        self._say(release, f"deleted, objects: {len(objects)}")
        self._forget_on_bus(app, release)

    def _commit(self, release: Release) -> None:
        """Note the deletion. Raises Conflict when its routes are not closed (any more): the next pass seals it anew."""
        if there := standing_open(self.world.kube, release):
            raise Conflict(f"{', '.join(there)} was opened since {release.id} was sealed, so work may have come")
        note_if_unchanged(self.world.kube, release, **deleted(self.world.clock.now()))
        close(self.world.kube, release)  # who read the record before may have opened them just now

    def _say(self, release: Release, text: str) -> None:
        name = release.id if self.app else f"{release.namespace}/{release.app} {release.id}"
        self.world.say(f"{name}: {text}")

    def _forget_on_bus(self, app: AppSeen, release: Release) -> None:
        """Its consumers go when they have nothing left; what cannot go now is the next garbage collection's."""
        others = [*(r.id for r in app.releases if r.id != release.id and not committed(r.status)), *app.without_record]
        try:
            kept = remove_from_bus(release.spec.app, release.id, others, self.watch.bus_url)
        except TemporaryError as error:
            kept = {"what it has on the bus": str(error)}
        for name, why in kept.items():
            self._say(release, f"{name} is kept for now: {why}")


def _note_kept(world: World, app: AppSeen, release: Release, verdict: Verdict) -> None:
    changes: dict[str, Any] = {}
    if release.status.phase is Phase.FAILED and release.status.failed_at is None:
        changes["failed_at"] = world.clock.now()
    changes |= overlooked_demotion(release, app.releases, app.routes.current, world.clock.now())
    # What drains has its blocker from wait-for-drain, which knows of nothing but its work.
    drain, words = app.drains.get(release.id), verdict.lasting or verdict.reason
    told_there = was_live(release.status) and drain is not None and verdict.reason == drain.blocker
    live = app.routes.current == release.id
    if was_live(release.status) and not live:
        changes |= noted_overdue(release)
    if not told_there and not live and release.status.blocker != words:
        changes["blocker"] = words
    if changes:
        note_if_unchanged(world.kube, release, **changes)
