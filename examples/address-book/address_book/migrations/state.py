"""The row that says which version the schema has, whether all old rows are moved, and how far that has come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

EMPTY = 0  # the version of a database without any table of ours


@dataclass(frozen=True)
class State:
    """As in the row. `moved`: the backfill has come past this id."""

    version: int
    backfilled: bool
    moved: int = 0

    @property
    def json(self) -> str:
        """As rainbow reads it."""
        return json.dumps({"version": self.version, "backfilled": self.backfilled})


def read_state(connection: Connection[Any]) -> State:
    """The row; of an empty database nothing is left to be moved."""
    known = connection.execute("SELECT to_regclass('schema_state')").fetchone()
    if known is None or known[0] is None:
        return State(EMPTY, backfilled=True)
    row = connection.execute("SELECT version, backfilled, moved FROM schema_state").fetchone()
    assert row is not None  # noqa: S101 - it comes with the table
    return State(*row)
