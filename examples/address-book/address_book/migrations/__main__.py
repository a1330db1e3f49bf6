"""`python -m address_book.migrations state | to N | backfill`. The last line of each is the state, as JSON."""

from __future__ import annotations

import sys

import psycopg

from address_book.migrations.backfill import backfill
from address_book.migrations.changes import change_to
from address_book.migrations.state import read_state


def main(arguments: list[str]) -> int:
    """The exit code: 75 for what may go better at the next try."""
    with psycopg.connect(autocommit=True, prepare_threshold=None, connect_timeout=10) as connection:
        match arguments:
            case ["state"]:
                pass
            case ["to", version] if version.isdigit():
                change_to(connection, int(version))
            case ["backfill"]:
                backfill(connection)
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
        sys.stdout.write(read_state(connection).json + "\n")
    return 0


try:
    sys.exit(main(sys.argv[1:]))
except psycopg.OperationalError as error:
    # The database is away, or a lock could not be had in time.
    sys.stderr.write(f"for now: {type(error).__name__}: {error}\n")
    sys.exit(75)
