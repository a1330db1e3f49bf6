"""One stage of a schema change of one release: what is known, what is noted, and the run of its container.

The state is in the database; the records say the same beside it. Notes that say anything new are written under the lock
of the schema, see rainbow/decisions/schema.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

from pydantic import Field

from rainbow.adapters.kube import Object
from rainbow.adapters.lock import Lock
from rainbow.adapters.migrations import Migration
from rainbow.adapters.pod_run import PodEnd
from rainbow.adapters.records import list_records, note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.decisions.migrations import Act, SchemaDecision, decide_stage
from rainbow.decisions.schema import copied, newest_note, noted
from rainbow.decisions.schema_users import SchemaFacts
from rainbow.decisions.sealing import committed
from rainbow.errors import BadInput, Conflict, PermanentError, RainbowError, Refused, TemporaryError
from rainbow.model.durations import format_duration
from rainbow.model.migrations import Migrations, SchemaState, Stage, parse_state
from rainbow.model.release import Release
from steps.schema_facts import read_facts
from steps.shape import Operation

ATTEMPTS = 5  # times that the record may change between reading and writing it


class MigrationParams(Operation):
    """Parameters of `expand`, `backfill` and `contract`."""

    trust_database: bool = Field(
        default=False, description="go on with the schema as it is, though the records say something else"
    )


@dataclass(frozen=True)
class Look:
    """What was decided, and from what."""

    decision: SchemaDecision
    facts: SchemaFacts


@dataclass
class Migrator:
    """One stage of one release."""

    params: MigrationParams
    world: World
    stage: Stage
    locks: tuple[Lock, ...] = ()  # to be renewed while it waits
    patience: timedelta | None = None  # then it gives up with TemporaryError, and the pod works on
    _begun: float | None = None

    def release(self) -> Release:
        """Its record as it is now. Raises Refused for one that was deleted."""
        params = self.params
        found = read_release(self.world.kube, params.namespace, params.app, params.release)
        if committed(found.status):
            raise Refused(f"release {found.id} of app {found.app} has been deleted; the database was left as it is")
        return found

    def preview(self, release: Release) -> None:
        """Say what would be done, by the schema as the records have it: nobody asks the database."""
        last = newest_note(list_records(self.world.kube, release.namespace, release.app)[0])
        if last is None:
            self.world.say(f"{self.stage} would first ask the database: nothing is known of its schema yet")
            return
        look = self.look_here(release, SchemaState(version=last.version, backfilled=last.backfilled))
        state = f"schema version {last.version} by the records"
        self.world.say(
            f"{self.stage} of release {release.id} would {look.decision.act}: {look.decision.text} ({state})"
        )

    def look(self, release: Release) -> Look:
        """Ask the database, read everything, and decide."""
        return self.look_here(release, self._ask(release))

    def look_here(self, release: Release, state: SchemaState) -> Look:
        """Read everything but the database, and decide."""
        facts = read_facts(self.world.kube, release, state, ending=self.stage is Stage.CONTRACT)
        facts = replace(facts, trust=self.params.trust_database)
        return Look(decide_stage(self.stage, facts, self.world.clock.now()), facts)

    def look_again(self, release: Release, before: Look) -> Look:
        """As `look`, under the lock. The database has not changed when nobody noted anything meanwhile."""
        now = self.look_here(release, before.facts.state)
        same = newest_note(now.facts.releases) == newest_note(before.facts.releases)
        return now if same else self.look(release)

    def note(self, state: SchemaState, **more: Any) -> None:
        """Write on the record, under the lock. The releases are read anew each time, so that this note is the last."""
        for _ in range(ATTEMPTS):
            release = self.release()
            releases, _ = list_records(self.world.kube, release.namespace, release.app)
            note = noted(state, releases, self.world.clock.now(), **more)
            try:
                note_if_unchanged(self.world.kube, release, schema_state=note)
            except Conflict:
                continue
            return
        raise TemporaryError(f"Release {release.namespace}/{release.name} is being written by others all the time")

    def note_nothing_new(self, look: Look) -> bool:
        """Without the lock. False when there is something new to note, or something open on the record."""
        release, decision = look.facts.release, look.decision
        if decision.act is Act.RUN:
            return False
        if decision.act is Act.REFUSE:
            return True
        note = copied(look.facts.state, release, look.facts.releases, waits_of(decision))
        if note is not None and note != release.status.schema_state:
            note_if_unchanged(self.world.kube, release, schema_state=note)
        return note is not None

    def running(self, release: Release) -> Object | None:
        """The pod of an earlier run of this very stage that is at work."""
        return self.migration(release).running()

    def carry_out(self, release: Release, running: Object | None, lock: Lock) -> None:
        """Run the container of the stage to its end, and note the state that it leaves. Raises what became of it."""
        self.locks = (*self.locks, lock)
        migration = self.migration(release)
        if running is None:
            lock.check(None)
            self.world.say(f"{self.stage} of release {release.id} with {release.image(migration.migrations.image)}")
        else:
            self.world.say(f"{self.stage} of release {release.id} is at work already, in pod {migration.pod}")
        end = migration.run(running)
        if end.exit_code != 0:
            self._failed(release, migration, end)
        state = parse_state(end.last_lines) or self._ask(release)
        self.note(state, **({"contracted": True} if self.stage is Stage.CONTRACT else {}))
        self._refuse_wrong(release, state)
        migration.remove(end)
        self.world.say(f"the schema of app {release.app} has version {state.version}{_moved(state)}")

    def migration(self, release: Release) -> Migration:
        """The run of the stage."""
        return Migration(self.world, release, migrations_of(release), self.stage, self._renew)

    def _renew(self) -> None:
        for lock in self.locks:
            lock.renew()
        now = self.world.clock.monotonic()
        self._begun = now if self._begun is None else self._begun
        if self.patience is not None and now - self._begun >= self.patience.total_seconds():
            raise TemporaryError(
                f"{self.stage} of release {self.params.release} is at work since {format_duration(self.patience)}; "
                "start the step again to go on waiting"
            )

    # --- the database -------------------------------------------------------------------------------------------

    def _ask(self, release: Release) -> SchemaState:
        migration = Migration(self.world, release, migrations_of(release), None, self._renew)
        if (earlier := migration.running()) is not None:
            migration.run(earlier)  # what it says was true before the lock was taken
        end = migration.run()
        if end.exit_code != 0:
            migration.refuse(end)
        state = parse_state(end.last_lines)
        if state is None:
            raise BadInput(
                f"migrations.state of release {release.id}: expected a last line such as "
                f'{{"version": 2, "backfilled": false}}, found {(end.last_lines or ("nothing",))[-1][:200]!r}'
            )
        migration.remove(end)
        return state

    def _failed(self, release: Release, migration: Migration, end: PodEnd) -> NoReturn:
        """What was begun is over when its end was seen: the state that it left is noted."""
        try:
            if end.exit_code is not None:
                self.note(self._ask(release))
            elif end.not_started:
                last = self.release().status.schema_state
                assert last is not None  # noqa: S101 - it was noted as begun
                self.note(SchemaState(version=last.version, backfilled=last.backfilled))
        except RainbowError as error:
            self.world.say(f"what it left is not known: {error}")
        migration.refuse(end)

    def _refuse_wrong(self, release: Release, state: SchemaState) -> None:
        change = getattr(migrations_of(release), self.stage)
        wanted = getattr(change, "to", state.version)
        if state.version != wanted or (self.stage is Stage.BACKFILL and not state.backfilled):
            expected = f"version {wanted}" if self.stage is not Stage.BACKFILL else "all rows moved"
            raise PermanentError(
                f"{self.stage} of release {release.id} of app {release.app} ended well, but the database says version "
                f"{state.version}{_moved(state)}; expected {expected}. Mend the container, and retry this step"
            )


def migrations_of(release: Release) -> Migrations:
    """`migrations` of a release that has them."""
    migrations = release.spec.app.migrations
    assert migrations is not None  # noqa: S101 - asked for by each step
    return migrations


def _moved(state: SchemaState) -> str:
    return ", all old rows are moved" if state.backfilled else ", not all old rows are moved"


def waits_of(decision: SchemaDecision) -> str | None:
    """What the record says of a stage that has to wait."""
    return decision.text[:1000] if decision.act is Act.WAIT else None
