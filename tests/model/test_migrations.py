"""`migrations` in rainbow.yaml, and the line in which a container says the state of the schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rainbow.model.migrations import Migrations, SchemaState, Stage, parse_state

PLAIN: dict[str, Any] = {"image": "book", "state": ["state"], "needs": {"minimum": 2, "maximum": 3}}
TO_2 = {"to": 2, "command": ["to", "2"]}
TO_3 = {"to": 3, "command": ["to", "3"]}


def described(**changes: Any) -> Migrations:
    """As in rainbow.yaml."""
    return Migrations.model_validate(PLAIN | changes)


def test_each_stage_has_its_command() -> None:
    """And asking for the state one of its own."""
    found = described(expand=TO_2, backfill={"command": ["fill"]})
    assert [found.command(stage) for stage in (None, Stage.EXPAND, Stage.BACKFILL)] == [
        ["state"],
        ["to", "2"],
        ["fill"],
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expand": TO_2, "contract": TO_3}, "contract belongs into a later release"),
        ({"expand": {"to": 4, "command": ["x"]}}, "with which the release itself does not work"),
        ({"contract": {"to": 1, "command": ["x"]}}, "with which the release itself does not work"),
        ({"needs": {"minimum": 3, "maximum": 2}}, "minimum 3 above maximum 2"),
        ({"needs": {"minimum": -1, "maximum": 2}}, "greater than or equal to 0"),
        ({"expand": {"to": 2, "command": []}}, "at least 1 item"),
        ({"env": {"1A": "x"}}, "String should match pattern"),
        ({"password": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(changes: dict[str, Any], said: str) -> None:
    """With words that say what to write instead."""
    with pytest.raises(ValidationError, match=said):
        described(**changes)


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        (('{"version": 2, "backfilled": true}',), SchemaState(version=2, backfilled=True)),
        (('{"version": 2}',), SchemaState(version=2)),
        (("expanding", '{"version": 3, "backfilled": false, "more": "x"}', ""), SchemaState(version=3)),
        (('{"version": 2}', "done"), None),
        (('{"version": "2"}',), None),
        (('{"version": true}',), None),
        (('{"version": 2, "backfilled": "yes"}',), None),
        (('{"version": -1}',), None),
        (('{"version": 2.5}',), None),
        (("[2]",), None),
        ((), None),
    ],
)
def test_the_state_is_the_last_line_or_nothing(lines: tuple[str, ...], state: SchemaState | None) -> None:
    """Whatever is not exactly a state is none: unknown is not a version."""
    assert parse_state(lines) == state


@given(st.lists(st.text(), max_size=4))
def test_no_text_breaks_the_reading(lines: list[str]) -> None:
    """A container prints what it likes."""
    parse_state(tuple(lines))
