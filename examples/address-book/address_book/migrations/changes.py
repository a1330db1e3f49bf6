"""The changes of the structure: each in one transaction, with the state that it leads to.

Whoever waits for the lock of a table has all others wait behind. So a change waits for half a second only, lets go, and
tries again: writers are never stopped for longer than that.
"""

from __future__ import annotations

import random
import sys
import time
from importlib.resources import files
from typing import Any

from psycopg import Connection, errors

from address_book.migrations.state import EMPTY, read_state

LOCK = "500ms"
ATTEMPTS = 60
FILES = {1: "1-people", 2: "2-mirror-into-address", 3: "3-mirror-back", 4: "4-drop-old-columns"}


def change_to(connection: Connection[Any], version: int) -> None:
    """Lead to this version from the one before, unless it is there. Raises SystemExit when a stage is missing."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _change(connection, version)
            return
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            if attempt == ATTEMPTS:
                raise
            sys.stdout.write(f"somebody works with the table, trying again ({attempt}): {error}\n")
            time.sleep(random.uniform(0.2, 0.6))  # noqa: S311 - no secret


def _change(connection: Connection[Any], version: int) -> None:
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK}'")
        connection.execute("SET LOCAL statement_timeout = '30s'")
        # One at a time, whoever started it.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('address-book schema'))")
        before = read_state(connection)
        if before.version >= version:
            sys.stdout.write(f"the schema has version {before.version} already\n")
            return
        if before.version != version - 1:
            sys.exit(f"the schema has version {before.version}: {version} comes only after {version - 1}")
        connection.execute((files(__package__) / "sql" / f"{FILES[version]}.sql").read_text())
        if before.version != EMPTY:
            connection.execute("UPDATE schema_state SET version = %s", (version,))
        sys.stdout.write(f"the schema has version {version} now\n")
