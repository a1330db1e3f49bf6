"""People in the database, by the statements of this release.

A statement is not prepared: its plan would be of the schema as it was. What other transactions have undone is done
again; a request then takes longer, and nobody else notices.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, errors
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from address_book.people import Statements

Row = dict[str, Any]
ATTEMPTS = 5
# Two transactions in each other's way, and a change of the structure that came first.
AGAIN = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)


class Store:
    """A few connections, shared by all requests."""

    def __init__(self, statements: Statements, *, size: int = 8) -> None:
        self.statements = statements
        options = {"prepare_threshold": None, "row_factory": dict_row}
        self.pool: ConnectionPool[Any] = ConnectionPool(
            kwargs=options, min_size=1, max_size=size, open=False, timeout=10, check=ConnectionPool.check_connection
        )

    def open(self) -> None:
        """Begin to connect; nobody waits for it."""
        self.pool.open()

    def close(self) -> None:
        """End all connections."""
        self.pool.close()

    def answers(self) -> bool:
        """Whether the database does."""
        with self.pool.connection(timeout=1) as connection:
            return connection.execute("SELECT 1").fetchone() is not None

    def find(self, id_: int) -> Row | None:
        """A person with the address."""
        return self._run((self.statements.FIND,), {"id": id_})

    def list(self, after: int, limit: int) -> list[Row]:
        """The people with the next ids."""
        with self.pool.connection() as connection:
            return list(connection.execute(self.statements.LIST, {"after": after, "limit": limit}).fetchall())

    def add(self, name: str, street: str, city: str) -> int:
        """A new person; the id."""
        row = self._run(self.statements.ADD, {"name": name, "street": street, "city": city})
        assert row is not None  # noqa: S101 - the insert returns it
        return int(row["id"])

    def move(self, id_: int, street: str, city: str) -> bool:
        """Another address. False when there is no such person."""
        return self._run(self.statements.MOVE, {"id": id_, "street": street, "city": city}) is not None

    def remove(self, id_: int) -> bool:
        """Forget a person, and with the person the address."""
        return self._run(("DELETE FROM person WHERE id = %(id)s RETURNING id",), {"id": id_}) is not None

    def _run(self, transaction: tuple[str, ...], parameters: Row) -> Row | None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.pool.connection() as connection, connection.transaction():
                    return _rows(connection, transaction, parameters)
            except AGAIN:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")


def _rows(connection: Connection[Row], transaction: tuple[str, ...], parameters: Row) -> Row | None:
    """What the first statement returns; the others are not run when that is nothing."""
    first: Row | None = None
    for number, statement in enumerate(transaction):
        cursor = connection.execute(statement, parameters)
        if number == 0:
            first = cursor.fetchone()
            if first is None:
                return None
            parameters = parameters | {"id": first["id"]}
    return first
