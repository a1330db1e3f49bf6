"""What is known of the schema of an app's database, and which releases work with it (F4, F5).

Each release notes on its record what it left or found; the newest note counts. A note is written before a stage begins
and after it has ended, so that the database may be ahead of it only as far as the note says itself. Notes that say
anything new are written under the lock of the schema; who finds nothing new writes a copy of the newest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rainbow.model.migrations import Needs, SchemaState, Stage
from rainbow.model.release import Release, SchemaNote

STEP = timedelta(milliseconds=1)  # as times can be read back


def newest_note(releases: Sequence[Release]) -> SchemaNote | None:
    """What was noted last, by whichever release; None when nobody ever looked."""
    return max(_notes(releases), key=lambda note: (note.at, note.under_way is not None), default=None)


def under_way(releases: Sequence[Release]) -> list[SchemaNote]:
    """The stages that were begun, and of which nobody noted that they ended: what they lead to may be there already."""
    newest = newest_note(releases)
    begun = [note for note in _notes(releases) if note.under_way is not None]
    return [note for note in begun if newest is None or note == newest or (note.to or 0) > newest.version]


def _notes(releases: Sequence[Release]) -> list[SchemaNote]:
    found = [release.status.schema_state for release in releases]
    return [note for note in found if note is not None]


def needs_of(release: Release) -> Needs | None:
    """What it says that it works with; None for one that says nothing."""
    migrations = release.spec.app.migrations
    return None if migrations is None else migrations.needs


def disagreement(state: SchemaState, releases: Sequence[Release]) -> str | None:
    """How the database and the records contradict each other; None when they do not."""
    note, begun = newest_note(releases), under_way(releases)
    if note is None:
        return None
    if state.version not in {note.version, *(each.to for each in begun)}:
        expected = "".join(f", or {each.to} after {each.under_way}" for each in begun if each.to is not None)
        return (
            f"the database says that its schema has version {state.version}, and the records say version "
            f"{note.version}{expected}"
        )
    if state.backfilled != note.backfilled and not begun:
        said, noted = ("moved" if moved else "not moved" for moved in (state.backfilled, note.backfilled))
        return f"the database says that its old rows are {said}, and the records say they are {noted}"
    return None


def misfit(release: Release, releases: Sequence[Release]) -> str | None:
    """Why the release does not work with the schema as it is by the records, or as it may be at any moment.

    `releases`: all of the app. What cannot be known does not keep anybody: whoever deploys asks the database first.
    """
    note, begun, needs = newest_note(releases), under_way(releases), needs_of(release)
    if note is None:
        return None
    if needs is None:
        gone = note.contracted or any(each.under_way is Stage.CONTRACT for each in begun)
        return f"{release.id} does not say which schema it needs, and some old structure is gone" if gone else None
    if not needs.include(note.version):
        return f"{release.id} works with schema {needs.text}, and the database has version {note.version}"
    for each in begun:
        if each.to is not None and not needs.include(each.to):
            return (
                f"{release.id} works with schema {needs.text}, and {each.under_way} to version {each.to} was begun and "
                "may be done"
            )
    if needs.backfilled and not note.backfilled:
        return f"{release.id} works only when all old rows are moved, and they are not: run the backfill to its end"
    return None


def contract_due(release: Release, releases: Sequence[Release], current: str | None) -> str | None:
    """What people are to be reminded of: the current release declares a contract that is not done yet."""
    migrations = release.spec.app.migrations
    if release.id != current or migrations is None or migrations.contract is None:
        return None
    to, note = migrations.contract.to, newest_note(releases)
    due = note is not None and note.version < to
    return f"its contract to schema version {to} has not been done yet" if due else None


def noted(state: SchemaState, releases: Sequence[Release], now: datetime, **more: Any) -> SchemaNote:
    """The next note, by who has the lock of the schema: later than all others, and what is gone stays gone.

    `more`: other fields of it.
    """
    last = newest_note(releases)
    at, gone = (now, False) if last is None else (max(now, last.at + STEP), last.contracted)
    fields: dict[str, Any] = {"at": at, "contracted": gone} | more
    return SchemaNote(version=state.version, backfilled=state.backfilled, **fields)


def copied(state: SchemaState, release: Release, releases: Sequence[Release], waits: str | None) -> SchemaNote | None:
    """The note of a release that found nothing new, without the lock: no younger than the one that it is copied from.

    So it never takes the place of what somebody else is just about to note. None when there is something new to say.
    """
    last, own = newest_note(releases), release.status.schema_state
    if last is None or (last.version, last.backfilled) != (state.version, state.backfilled):
        return None
    if own is not None and own.under_way is not None:
        return None
    return last.model_copy(update={"under_way": None, "to": None, "waits": waits})
