"""What a plan says of the schema of an app's database: the stages that releases declare, and what each would do now.

Nobody asks the database for a plan: its state is what the records say (rainbow/decisions/schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rainbow.decisions.migrations import Act, decide_stage
from rainbow.decisions.retention import ON_THE_WAY
from rainbow.decisions.schema_users import SchemaFacts
from rainbow.model.migrations import Migrations, SchemaChange, SchemaState, Stage


@dataclass(frozen=True)
class Ahead:
    """A stage of a release that is current or on its way, and what it would do at this moment."""

    release: str
    stage: Stage
    act: Act
    why: str


def outlook(facts: SchemaFacts, now: datetime) -> list[Ahead]:
    """Of all releases whose stages may still run; `facts.release` does not matter."""
    found = []
    for release in facts.releases:
        migrations = release.spec.app.migrations
        if migrations is None or (release.id != facts.current and release.status.phase not in ON_THE_WAY):
            continue
        for stage in Stage:
            if getattr(migrations, stage) is not None:
                decision = decide_stage(stage, replace(facts, release=release), now)
                found.append(Ahead(release.id, stage, decision.act, decision.text))
    return found


def described(state: SchemaState) -> str:
    """In words."""
    return f"version {state.version}, {'all old rows are moved' if state.backfilled else 'not all old rows are moved'}"


def declared(migrations: Migrations) -> list[str]:
    """What a release of this rainbow.yaml does to the schema, and when; without anything that is there already."""
    stages = {
        "expand, before the deployment": migrations.expand and _leads(migrations.expand),
        "backfill, after the switch": migrations.backfill and "moves the old rows",
        "contract, once no release needs the old structure": migrations.contract and _leads(migrations.contract),
    }
    found = [f"{when}: {what}" for when, what in stages.items() if what]
    return [f"the release works with {migrations.needs.text}", *(found or ["it changes nothing"])]


def _leads(change: SchemaChange) -> str:
    return f"leads from version {change.to - 1} to {change.to}"
