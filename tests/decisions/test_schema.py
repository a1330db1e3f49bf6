"""What is known of a schema from the notes of the releases, and which release works with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rainbow.decisions.schema import contract_due, copied, disagreement, misfit, newest_note, noted
from rainbow.model.migrations import SchemaState, Stage
from rainbow.model.release import Release, SchemaNote
from tests.decisions.make import NOW, SECOND, app, release


def note(version: int = 2, ago: float = 60, **more: Any) -> SchemaNote:
    """Written so many seconds ago."""
    return SchemaNote(version=version, at=NOW - timedelta(seconds=ago), **more)


def made(
    name: str, needs: tuple[int, int] | None, schema: SchemaNote | None = None, *, moved: bool = False, **more: Any
) -> Release:
    """A release that works with these versions; None: it says nothing."""
    found = release(name, schema_state=schema)
    if needs is None:
        return found
    range_ = {"minimum": needs[0], "maximum": needs[1], "backfilled": moved}
    described = {"image": "book", "state": ["state"], "needs": range_} | more
    return found.model_copy(update={"spec": found.spec.model_copy(update={"app": app(migrations=described)})})


BEGUN = {"under_way": Stage.CONTRACT, "to": 3}


@pytest.mark.parametrize(
    ("state", "notes", "said"),
    [
        (SchemaState(version=7), [], None),
        (SchemaState(version=2), [note(2)], None),
        (SchemaState(version=3), [note(2)], "has version 3, and the records say version 2"),
        (SchemaState(version=1), [note(2)], "has version 1, and the records say version 2"),
        (SchemaState(version=3), [note(2, **BEGUN)], None),
        (SchemaState(version=2), [note(2, **BEGUN)], None),
        (SchemaState(version=4), [note(2, **BEGUN)], "the records say version 2, or 3 after contract"),
        # Who found nothing to do wrote later, and knew nothing of the stage that is at work.
        (SchemaState(version=3), [note(2, **BEGUN), note(2, ago=1)], None),
        # What was begun long ago led to where others have come since.
        (SchemaState(version=3), [note(3, ago=90, under_way=Stage.EXPAND, to=4), note(4, ago=1)], "say version 4"),
        (SchemaState(version=2, backfilled=True), [note(2)], "old rows are moved, and the records say they are not"),
        (SchemaState(version=2), [note(2, backfilled=True)], "not moved, and the records say they are moved"),
        (SchemaState(version=2, backfilled=True), [note(2, under_way=Stage.BACKFILL)], None),
    ],
)
def test_database_and_records_agree_or_it_is_said_how_not(
    state: SchemaState, notes: list[SchemaNote], said: str | None
) -> None:
    """The database may be ahead of the records by what they say was begun, and by nothing else."""
    releases = [made(f"v{number}", (1, 9), each) for number, each in enumerate(notes)]
    found = disagreement(state, releases)
    assert (found is None) if said is None else (said in (found or ""))


@pytest.mark.parametrize(
    ("needs", "newest", "said"),
    [
        ((2, 3), None, None),
        ((2, 3), note(2), None),
        ((3, 4), note(2), "v1 works with schema 3 to 4, and the database has version 2"),
        ((1, 2), note(3), "v1 works with schema 1 to 2, and the database has version 3"),
        ((2, 2), note(2, **BEGUN), "contract to version 3 was begun and may be done"),
        ((2, 3), note(2, **BEGUN), None),
        (None, note(2), None),
        (None, note(2, **BEGUN), "does not say which schema it needs"),
        (None, note(2, contracted=True), "does not say which schema it needs"),
    ],
)
def test_a_release_works_with_the_schema_as_it_is_and_may_be(
    needs: tuple[int, int] | None, newest: SchemaNote | None, said: str | None
) -> None:
    """What `deploy`, `switch`, `rollback` and `redeploy` ask."""
    found = misfit(made("v1", needs), [made("v1", needs), made("v2", (1, 9), newest)])
    assert (found is None) if said is None else (said in (found or ""))


def test_a_release_may_need_that_all_old_rows_are_moved() -> None:
    """It does not look into the old columns any more."""
    target = made("v2", (2, 3), moved=True)
    assert "all old rows are moved, and they are not" in str(misfit(target, [target, made("v1", (1, 3), note(2))]))
    assert misfit(target, [target, made("v1", (1, 3), note(2, backfilled=True))]) is None


def test_a_note_is_later_than_all_others_and_what_is_gone_stays_gone() -> None:
    """However slow the clock of who writes it is."""
    there = [made("v1", (1, 3), note(2, ago=-60, contracted=True))]
    new = noted(SchemaState(version=3), there, NOW, under_way=Stage.EXPAND, to=4)
    assert new.at > NOW + 60 * SECOND
    assert (new.version, new.contracted, new.under_way, new.to) == (3, True, Stage.EXPAND, 4)
    assert newest_note([*there, made("v2", (1, 3), new)]) == new


def test_who_has_nothing_new_to_say_writes_a_copy() -> None:
    """So that it never takes the place of what somebody else is just about to note; of a tie, what was begun counts."""
    begun = made("v1", (1, 3), note(2, **BEGUN))
    copy = copied(SchemaState(version=2), made("v2", (1, 3)), [begun], None)
    assert copy is not None
    assert (copy.at, copy.under_way) == (note().at, None)
    assert newest_note([made("v2", (1, 3), copy), begun]) == begun.status.schema_state


@pytest.mark.parametrize("own", [None, note(2, **BEGUN)])
def test_what_is_new_is_noted_under_the_lock(own: SchemaNote | None) -> None:
    """Another state than the records say, or something open on the record."""
    state = SchemaState(version=2 if own else 3)
    there = made("v1", (1, 3), own)
    assert copied(state, there, [there, made("v2", (1, 3), note(2))], None) is None


def test_a_contract_that_is_due_is_remembered() -> None:
    """Of the current release, until it is done."""
    change = {"contract": {"to": 3, "command": ["x"]}}
    due = made("v2", (2, 3), note(2), **change)
    assert contract_due(due, [due], "v2") == "its contract to schema version 3 has not been done yet"
    assert contract_due(due, [due], "v1") is None
    done = made("v2", (2, 3), note(3), **change)
    assert contract_due(done, [done], "v2") is None
    assert contract_due(release("v1"), [release("v1")], "v1") is None
