"""Moves the old rows into the new table, while users work: a short transaction for each range of ids.

How far it has come is a part of each transaction, so it may be killed anywhere and goes on there. It waits for no row
that somebody writes: it comes back for those, and by then the mirror has mostly moved them.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from psycopg import Connection

from address_book.migrations.state import read_state

BATCH = 500  # ids; about 10 ms, for which their rows are locked
PAUSE = 0.5  # of the time of a batch, left to others
TELL = 1.0  # seconds
AGAIN = 0.1  # seconds until it comes back for a row that somebody held

_RANGE = """
    WITH old AS (
        SELECT id, street, city FROM person p
        WHERE id > %(after)s AND id <= %(upto)s AND NOT EXISTS (SELECT FROM address a WHERE a.person = p.id)
        FOR NO KEY UPDATE SKIP LOCKED
    )
    INSERT INTO address (person, street, city) SELECT id, street, city FROM old ON CONFLICT (person) DO NOTHING
"""
_LEFT = "SELECT min(id) FROM person p WHERE NOT EXISTS (SELECT FROM address a WHERE a.person = p.id)"


def backfill(connection: Connection[Any]) -> None:
    """Until none is left, and then say so."""
    connection.execute("SET statement_timeout = '30s'")
    state = read_state(connection)
    if state.backfilled:
        return
    _pass(connection, state.moved)
    while (left := _first_left(connection)) is not None:
        _move(connection, left - 1, left - 1 + BATCH)
        time.sleep(AGAIN)
    last = _last(connection)
    sys.stdout.write(f"rainbow progress {last}/{last}\n")
    # All that is written is mirrored, so none can come any more.
    connection.execute("UPDATE schema_state SET backfilled = true WHERE version IN (2, 3)")


def _pass(connection: Connection[Any], after: int) -> None:
    last, told = _last(connection), 0.0
    while after < last:
        begun, upto = time.monotonic(), min(after + BATCH, last)
        _move(connection, after, upto)
        after = upto
        now = time.monotonic()
        if now - told >= TELL:
            sys.stdout.write(f"rainbow progress {after}/{last}\n")
            told = now
        time.sleep((now - begun) * PAUSE)


def _move(connection: Connection[Any], after: int, upto: int) -> None:
    with connection.transaction():
        connection.execute(_RANGE, {"after": after, "upto": upto})
        connection.execute("UPDATE schema_state SET moved = greatest(moved, %s)", (upto,))


def _last(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT coalesce(max(id), 0) FROM person").fetchone()
    return int(row[0]) if row else 0


def _first_left(connection: Connection[Any]) -> int | None:
    row = connection.execute(_LEFT).fetchone()
    return None if row is None or row[0] is None else int(row[0])
