"""What a plan says of the schema of an app's database."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.migrations import Act
from rainbow.decisions.schema_outlook import declared, described, outlook
from rainbow.model.migrations import Migrations, SchemaState, Stage
from rainbow.model.release import Phase
from tests.decisions.make import NOW
from tests.decisions.test_migrations import CURRENT, facts, made

COMMON: dict[str, Any] = {"image": "book", "state": ["state"], "needs": {"minimum": 2, "maximum": 3}}
CHANGE = {"to": 3, "command": ["x"]}


def test_each_stage_of_who_is_current_or_on_the_way_is_told() -> None:
    """Of those that drain no stage will ever run; what has none says nothing."""
    waiting = facts("v3", 2, made("v1"), made("v2", **CURRENT))
    assert [(one.release, one.stage, one.act) for one in outlook(waiting, NOW)] == [
        ("v2", Stage.EXPAND, Act.NOTHING),
        ("v3", Stage.EXPAND, Act.REFUSE),
        ("v3", Stage.BACKFILL, Act.NOTHING),
    ]
    refused = outlook(waiting, NOW)[1]
    assert "v1 (" in refused.why, "it names who does not work with what it leads to"


def test_what_waits_says_for_whom() -> None:
    """F5."""
    old = made("v2", phase=Phase.DRAINING, blocker="1 active task")
    (last,) = outlook(facts("v4", 3, old, made("v3"), backfilled=True), NOW)
    assert (last.release, last.stage, last.act) == ("v4", Stage.CONTRACT, Act.WAIT)
    assert "v2 (Draining: 1 active task" in last.why


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ({}, ["it changes nothing"]),
        ({"expand": CHANGE}, ["expand, before the deployment: leads from version 2 to 3"]),
        ({"backfill": {"command": ["x"]}}, ["backfill, after the switch: moves the old rows"]),
        ({"contract": CHANGE}, ["contract, once no release needs the old structure: leads from version 2 to 3"]),
    ],
)
def test_a_rainbow_yaml_is_told_in_the_order_in_which_it_happens(stages: dict[str, Any], told: list[str]) -> None:
    """Without any cluster."""
    assert declared(Migrations.model_validate(COMMON | stages)) == ["the release works with 2 to 3", *told]


def test_a_state_is_told_in_words() -> None:
    """Both parts of it."""
    assert described(SchemaState(version=7, backfilled=True)) == "version 7, all old rows are moved"
    assert described(SchemaState(version=7)) == "version 7, not all old rows are moved"
