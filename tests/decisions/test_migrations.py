"""Whether a stage of a schema change may run: a table for each of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.migrations import Act, decide_stage
from rainbow.decisions.schema_users import SchemaFacts
from rainbow.model.migrations import SchemaState, Stage
from rainbow.model.release import Mark, Phase, Release, SchemaNote
from tests.decisions.make import HOUR, NOW, app, release

NEEDS = {"v1": (1, 2), "v2": (2, 3), "v3": (3, 3), "v4": (3, 4)}
STAGES: dict[str, dict[str, Any]] = {
    "v1": {},
    "v2": {"expand": {"to": 2, "command": ["x"]}},
    "v3": {"expand": {"to": 3, "command": ["x"]}, "backfill": {"command": ["x"]}},
    "v4": {"contract": {"to": 4, "command": ["x"]}},
}
MARK = Mark(reason="an audit", by="ada", at=NOW - HOUR)
CURRENT: dict[str, Any] = {"phase": Phase.CURRENT, "demoted_at": None, "traffic": "100%"}
GONE: dict[str, Any] = {"phase": Phase.DELETED, "deleted_at": NOW - HOUR}
OLD = {"minimumAge": "0s"}


def made(name: str, *, retention: dict[str, Any] | None = None, **status: Any) -> Release:
    """One of four releases that come after each other."""
    needs = {"minimum": NEEDS[name][0], "maximum": NEEDS[name][1], "backfilled": name == "v4"}
    migrations = {"image": "book", "state": ["state"], "needs": needs} | STAGES[name]
    found = release(name, **status)
    config = app(migrations=migrations, retention=retention or OLD)
    return found.model_copy(update={"spec": found.spec.model_copy(update={"app": config})})


def facts(name: str, version: int, *others: Release, **more: Any) -> SchemaFacts:
    """Of a release that is to be deployed, beside others; the current one is among those."""
    backfilled = more.pop("backfilled", False)
    own = made(name, phase=Phase.PENDING, live_at=None, demoted_at=None, **more.pop("own", {}))
    current = next((other.id for other in others if other.status.phase is Phase.CURRENT), None)
    state = SchemaState(version=version, backfilled=backfilled)
    return SchemaFacts(own, [*others, own], state, **({"current": current} | more))


def contracting(*others: Release, **more: Any) -> SchemaFacts:
    """v4 is current, all rows are moved."""
    given = facts("v4", 3, *others, **({"backfilled": True} | more))
    own = made("v4", **CURRENT)
    return replace(given, release=own, releases=[*others, own], current=more.get("current", "v4"))


EXPAND: dict[str, tuple[SchemaFacts, Act, str]] = {
    "the first one": (facts("v2", 1, made("v1", **CURRENT)), Act.RUN, "from version 1 to 2"),
    "done before": (facts("v2", 2, made("v1", **CURRENT)), Act.NOTHING, "has version 2, with which release v2 works"),
    "one stage skipped": (facts("v3", 1, made("v1", **CURRENT)), Act.REFUSE, "a stage is skipped"),
    "no expand of its own, too early": (facts("v4", 2, made("v2", **CURRENT)), Act.REFUSE, "a stage is skipped"),
    "rows not moved": (facts("v4", 3, made("v3", **CURRENT)), Act.REFUSE, "let the backfill"),
    "contracted since": (facts("v3", 4, made("v4", **CURRENT)), Act.REFUSE, "no rollback leads there any more"),
    "an old one drains": (
        facts("v3", 2, made("v1"), made("v2", **CURRENT)),
        Act.REFUSE,
        "v1 (Draining; works with 1 to 2)",
    ),
    "an old one is deleted": (facts("v3", 2, made("v1", **GONE), made("v2", **CURRENT)), Act.RUN, "to 3"),
    "an old one failed": (facts("v3", 2, made("v1", phase=Phase.FAILED), made("v2", **CURRENT)), Act.RUN, "to 3"),
    "a newer one waits for its turn": (
        facts("v2", 1, made("v1", **CURRENT), made("v3", phase=Phase.PENDING, live_at=None, demoted_at=None)),
        Act.RUN,
        "to 2",
    ),
    "one that says nothing is there": (facts("v3", 2, release("v0"), made("v2", **CURRENT)), Act.RUN, "to 3"),
    "the app is held": (facts("v2", 1, made("v1", **CURRENT), hold=MARK), Act.REFUSE, "app spawn is held by ada"),
}


@pytest.mark.parametrize("case", EXPAND)
def test_expand(case: str) -> None:
    """F4: one version at a time, and every release that is there goes on working."""
    given, act, said = EXPAND[case]
    decision = decide_stage(Stage.EXPAND, given, NOW)
    assert (decision.act, said in decision.text) == (act, True), decision


BACKFILL: dict[str, tuple[SchemaFacts, Act, str]] = {
    "current": (facts("v3", 3, made("v2"), current="v3"), Act.RUN, "the old rows of version 3"),
    "not current": (facts("v3", 3, made("v2", **CURRENT)), Act.NOTHING, "v3 is not current, v2 is"),
    "done": (facts("v3", 3, backfilled=True, current="v3"), Act.NOTHING, "moved already"),
    "another schema": (facts("v3", 2, current="v3"), Act.REFUSE, "works with schema version 3, not with 2"),
    "it has none": (facts("v2", 2, current="v2"), Act.NOTHING, "has no backfill"),
}


@pytest.mark.parametrize("case", BACKFILL)
def test_backfill(case: str) -> None:
    """After the switch, and as long as it is current."""
    given, act, said = BACKFILL[case]
    decision = decide_stage(Stage.BACKFILL, given, NOW)
    assert (decision.act, said in decision.text) == (act, True), decision


YOUNG: dict[str, Any] = {"demoted_at": NOW - timedelta(minutes=5), "phase": Phase.DRAINED}
CONTRACT: dict[str, tuple[SchemaFacts, Act, str]] = {
    "nobody is left": (contracting(made("v3", **GONE)), Act.RUN, "from version 3 to 4"),
    "done": (replace(contracting(), state=SchemaState(version=4)), Act.NOTHING, "version 4 already"),
    "too early": (replace(contracting(), state=SchemaState(version=2)), Act.REFUSE, "a stage is skipped"),
    "rows left": (contracting(backfilled=False), Act.WAIT, "not all old rows are moved"),
    "rolled back from": (contracting(current="v3"), Act.WAIT, "v4 is not current, v3 is"),
    "held app": (contracting(hold=MARK), Act.WAIT, "app spawn is held by ada"),
    "drains": (contracting(made("v3")), Act.WAIT, "v3 (Draining; works with version 3)"),
    "drains, and says of what": (contracting(made("v3", blocker="2 active tasks")), Act.WAIT, "v3 (Draining: 2 active"),
    "younger than the minimum age": (
        contracting(made("v3", retention={"minimumAge": "1h"}, **YOUNG)),
        Act.WAIT,
        "v3 (younger than 1h since its demotion",
    ),
    "held release": (contracting(made("v3", hold=MARK)), Act.WAIT, "v3 (held by ada: an audit"),
    "a switch to it": (contracting(made("v3", traffic="switching")), Act.WAIT, "v3 (a switch to it is under way"),
    "its deletion may be taken back": (contracting(made("v3", phase=Phase.DELETED)), Act.WAIT, "v3 (Deleted"),
    "its pods still end": (contracting(made("v3", **GONE), pods={"v3": 2}), Act.WAIT, "v3 (it is deleted, but 2 of"),
    "pods of nobody": (contracting(pods={"v9": 1}), Act.WAIT, "v9 (1 pods without a record"),
    "pods of its own": (contracting(pods={"v4": 2}), Act.RUN, "to 4"),
    "one that says nothing": (contracting(release("v0")), Act.WAIT, "v0 (Draining; says nothing of what it needs)"),
    "an unreadable one": (contracting(unreadable={"v2": "no app"}), Act.WAIT, "v2 (its record cannot be read: no app"),
    "tested, waits for approval": (contracting(made("v3", phase=Phase.READY)), Act.WAIT, "v3 (Ready"),
    "one that failed": (contracting(made("v3", phase=Phase.FAILED)), Act.RUN, "to 4"),
    "waits for its turn": (contracting(made("v3", phase=Phase.PENDING, demoted_at=None)), Act.RUN, "to 4"),
    "has looked at the schema": (
        contracting(made("v3", phase=Phase.PENDING, schema_state=SchemaNote(version=3, backfilled=True, at=NOW))),
        Act.WAIT,
        "v3 (Pending",
    ),
}


@pytest.mark.parametrize("case", CONTRACT)
def test_contract(case: str) -> None:
    """F5: refused while a release that needs the old structure has users, may have, or may get them again."""
    given, act, said = CONTRACT[case]
    decision = decide_stage(Stage.CONTRACT, given, NOW)
    assert (decision.act, said in decision.text) == (act, True), decision


def test_one_that_is_kept_to_be_rolled_back_to_is_named_with_that_reason() -> None:
    """retention.keep of the current release."""
    given = contracting(made("v3", phase=Phase.DRAINED))
    own = made("v4", retention=OLD | {"keep": 1}, **CURRENT)
    decision = decide_stage(Stage.CONTRACT, replace(given, release=own, releases=[given.releases[0], own]), NOW)
    assert "v3 (kept to be rolled back to: among the newest 1 (retention.keep)" in decision.text


@pytest.mark.parametrize("stage", list(Stage))
def test_a_disagreement_stops_every_stage_unless_a_person_says_who_is_right(stage: Stage) -> None:
    """Nothing is done, and both are named."""
    before = made("v3", schema_state=SchemaNote(version=1, at=NOW), **CURRENT)
    given = facts("v4", 3, before, backfilled=True)
    decision = decide_stage(stage, given, NOW)
    assert decision.act is Act.REFUSE
    assert "the database says that its schema has version 3, and the records say version 1" in decision.text
    assert decide_stage(stage, replace(given, trust=True), NOW).act is not Act.REFUSE


@pytest.mark.parametrize("stage", list(Stage))
def test_an_app_without_migrations_has_nothing_to_do(stage: Stage) -> None:
    """The tasks of the workflow are skipped for it; by hand it is no error."""
    given = replace(facts("v1", 0), release=release("v0"))
    assert decide_stage(stage, given, NOW).act is Act.NOTHING


states = st.builds(SchemaState, version=st.integers(0, 6), backfilled=st.booleans())
statuses = st.sampled_from(
    [CURRENT, {}, GONE, {"phase": Phase.DELETED}, {"phase": Phase.READY}, {"hold": MARK}, {"traffic": "switching"}]
)


@given(st.sampled_from(list(NEEDS)), states, st.dictionaries(st.sampled_from(list(NEEDS)), statuses), st.booleans())
def test_whatever_is_run_everybody_who_is_there_works_with_what_it_leads_to(
    name: str, state: SchemaState, there: dict[str, dict[str, Any]], moved: bool
) -> None:
    """Of expand and contract; and each leads exactly one version up."""
    others = [made(other, **status) for other, status in there.items() if other != name]
    current = next((other.id for other in others if other.status.phase is Phase.CURRENT), name)
    own = made(name, **(CURRENT if current == name else {}))
    given = SchemaFacts(own, [*others, own], state.model_copy(update={"backfilled": moved}), current)
    for stage in (Stage.EXPAND, Stage.CONTRACT):
        if decide_stage(stage, given, NOW).act is not Act.RUN:
            continue
        to = STAGES[name][stage]["to"]
        assert state.version == to - 1
        for other in others:
            gone = other.status.phase is Phase.DELETED and other.status.deleted_at is not None
            assert gone or NEEDS[other.id][0] <= to <= NEEDS[other.id][1], other.id
