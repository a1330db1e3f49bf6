"""What `expand`, `backfill` and `contract` have in common: look, decide, note what is begun, run it, note what came.

What is begun is noted before its pod starts, so that a run that is killed leaves no doubt: the next one follows the pod
that is at work, or asks the database how far it came.
"""

from __future__ import annotations

from typing import Any

from rainbow.adapters.migrations import MIGRATING, schema_lock
from rainbow.adapters.routes.rights import ROUTE_READING
from rainbow.decisions.migrations import Act, SchemaDecision
from rainbow.errors import Refused
from rainbow.model.migrations import Stage
from rainbow.model.release import Release
from steps.migrator import Look, Migrator, migrations_of, waits_of

RULES: list[dict[str, Any]] = [
    # Which releases there are and what they need; and what is known of the database.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # How long releases are kept, and whether an operator holds the app.
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["get"]},
    # Which release is current.
    *ROUTE_READING,
    *MIGRATING,
]


def migrate(migrator: Migrator, release: Release) -> SchemaDecision | None:
    """Decide; then, under the lock, decide once more, note what is begun, and run it. None when it was run.

    Returns a decision not to run it. Raises Refused when that is the decision, and what becomes of the run.
    """
    looked = None if migrator.running(release) else migrator.look(release)
    if looked is not None and migrator.note_nothing_new(looked):
        return obeyed(migrator, looked)
    with schema_lock(migrator.world, release) as lock:
        running = migrator.running(release)  # what is at work was decided about before
        if running is None:
            looked = migrator.look(release) if looked is None else migrator.look_again(release, looked)
            if looked.decision.act is Act.RUN:
                looked = _begin(migrator, release, looked)
            elif looked.decision.act is not Act.REFUSE:
                migrator.note(looked.facts.state, waits=waits_of(looked.decision))
            if looked.decision.act is not Act.RUN:
                return obeyed(migrator, looked)
        migrator.carry_out(release, running, lock)
    return None


def _begin(migrator: Migrator, release: Release, looked: Look) -> Look:
    """Note what is begun, and look again: who reads the note is out, and who was there before it is seen now.

    `switch` and `rollback` do the same the other way round: they mark the record of their target, and read these notes.
    """
    change = getattr(migrations_of(release), migrator.stage)
    migrator.note(looked.facts.state, under_way=migrator.stage, to=getattr(change, "to", None))
    again = migrator.look_here(release, looked.facts.state)
    if again.decision.act is not Act.RUN:
        migrator.note(looked.facts.state, waits=waits_of(again.decision))
    return again


def obeyed(migrator: Migrator, look: Look) -> SchemaDecision:
    """A decision not to run it. Raises Refused when it is that."""
    release, decision = look.facts.release, look.decision
    if decision.act is Act.REFUSE:
        raise refused(migrator.stage, release, decision)
    if decision.act is Act.NOTHING:
        migrator.world.say(f"{migrator.stage}: nothing to do: {decision.text}")
    return decision


def refused(stage: Stage, release: Release, decision: SchemaDecision) -> Refused:
    """In words."""
    what = f"release {release.id} of app {release.app} in namespace {release.namespace}"
    return Refused(f"no {stage} for {what}: {decision.text}")
