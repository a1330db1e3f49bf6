"""Whether a stage of a schema change may run now: expand, backfill, contract (F4, F5).

One stage at a time, one version at a time. Expand keeps every release that is there working; contract waits until none
is there any more that needs the old structure; and the database says the same as the records, or nothing is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rainbow.decisions.schema import disagreement
from rainbow.decisions.schema_users import SchemaFacts, in_the_way
from rainbow.decisions.switch import held
from rainbow.model.migrations import Migrations, SchemaChange, SchemaState, Stage


class Act(StrEnum):
    """What to do."""

    RUN = "run"
    NOTHING = "nothing"
    WAIT = "wait"  # it may be done later
    REFUSE = "refuse"


@dataclass(frozen=True)
class SchemaDecision:
    """What to do, and why."""

    act: Act
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """The reasons in a line."""
        return "; ".join(self.reasons)


def decide_stage(stage: Stage, facts: SchemaFacts, now: datetime) -> SchemaDecision:
    """The decision for a stage of `facts.release`, from what was read just now."""
    migrations = facts.release.spec.app.migrations
    if migrations is None:
        return _nothing(f"app {facts.release.app} has no `migrations` in this release")
    wrong = None if facts.trust else disagreement(facts.state, facts.releases)
    if wrong is not None:
        where = f"-n {facts.release.namespace} --app {facts.release.app} --release {facts.release.id}"
        return _refuse(
            f"{wrong}. Nothing was changed: find out who changed the database, or which backup it came from; to go on "
            f"with it as it is: rainbow step {stage} {where} --trust-database true"
        )
    if stage is Stage.EXPAND:
        return _expand(facts, migrations, now)
    if stage is Stage.BACKFILL:
        return _backfill(facts, migrations)
    return _contract(facts, migrations, now)


# --- expand -------------------------------------------------------------------------------------------------


def _expand(facts: SchemaFacts, migrations: Migrations, now: datetime) -> SchemaDecision:
    """Before the deployment: the release is to find the schema that it needs."""
    release, state, change = facts.release, facts.state, migrations.expand
    if facts.hold is not None:
        return _refuse(held(release.namespace, release.app, facts.hold))
    if change is None or state.version >= change.to:
        return _fits(facts, migrations)
    if skipped := _skipped(change, state, Stage.EXPAND):
        return _refuse(skipped)
    if others := in_the_way(facts, change.to, now, unknown=False):
        return _refuse(
            f"expand would lead to version {change.to}, with which not every release that is there works: "
            f"{_listed(others)}; release again when they are gone"
        )
    return _run(f"from version {state.version} to {change.to}")


def _fits(facts: SchemaFacts, migrations: Migrations) -> SchemaDecision:
    state, needs = facts.state, migrations.needs
    if not needs.include(state.version):
        ahead = "no rollback leads there any more" if state.version > needs.maximum else "a stage is skipped"
        return _refuse(
            f"release {facts.release.id} works with schema {needs.text}, and the database has version "
            f"{state.version}: {ahead}"
        )
    if needs.backfilled and not state.backfilled:
        return _refuse(
            f"release {facts.release.id} works only when all old rows are moved, and they are not: a stage is skipped; "
            "let the backfill of the release before come to its end"
        )
    return _nothing(f"the database has version {state.version}, with which release {facts.release.id} works")


# --- backfill -----------------------------------------------------------------------------------------------


def _backfill(facts: SchemaFacts, migrations: Migrations) -> SchemaDecision:
    """After the switch, so that the release that writes for both structures is the one in use."""
    release, state = facts.release, facts.state
    if migrations.backfill is None:
        return _nothing(f"release {release.id} has no backfill")
    if state.backfilled:
        return _nothing("all old rows are moved already")
    if facts.current != release.id:
        return _nothing(f"release {release.id} is not current, {facts.current or 'none'} is: nothing is moved for it")
    if not migrations.needs.include(state.version):
        return _refuse(f"release {release.id} works with schema {migrations.needs.text}, not with {state.version}")
    return _run(f"the old rows of version {state.version}")


# --- contract -----------------------------------------------------------------------------------------------


def _contract(facts: SchemaFacts, migrations: Migrations, now: datetime) -> SchemaDecision:
    """The destructive one: nobody who needs the old structure may be there, nor come back (F5)."""
    release, state, change = facts.release, facts.state, migrations.contract
    if change is None:
        return _nothing(f"release {release.id} has no contract")
    if state.version >= change.to:
        return _nothing(f"the database has version {state.version} already")
    if skipped := _skipped(change, state, Stage.CONTRACT):
        return _refuse(skipped)
    waits = []
    if facts.current != release.id:
        waits.append(f"release {release.id} is not current, {facts.current or 'none'} is")
    if facts.hold is not None:
        waits.append(held(release.namespace, release.app, facts.hold))
    if not state.backfilled:
        waits.append("not all old rows are moved: run the backfill to its end")
    if others := in_the_way(facts, change.to, now, unknown=True):
        waits.append(f"in the way, as they need what version {change.to} has no more: {_listed(others)}")
    if waits:
        return SchemaDecision(Act.WAIT, tuple(waits))
    return _run(f"from version {state.version} to {change.to}")


# --- words --------------------------------------------------------------------------------------------------


def _skipped(change: SchemaChange, state: SchemaState, stage: Stage) -> str | None:
    if state.version == change.to - 1:
        return None
    return (
        f"{stage} leads from version {change.to - 1} to {change.to}, and the database has version {state.version}: a "
        "stage is skipped; release first what comes in between"
    )


def _listed(others: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({why})" for name, why in sorted(others.items()))


def _run(reason: str) -> SchemaDecision:
    return SchemaDecision(Act.RUN, (reason,))


def _nothing(reason: str) -> SchemaDecision:
    return SchemaDecision(Act.NOTHING, (reason,))


def _refuse(reason: str) -> SchemaDecision:
    return SchemaDecision(Act.REFUSE, (reason,))
