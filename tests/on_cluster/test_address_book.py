"""The address of a person moves into a table of its own, in four releases, on a real PostgreSQL (F4, F5)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from book_app import APP, Book, book
from book_users import Users
from spawn_app import eventually

from cluster.context import Context
from rainbow.adapters.kube import POD, Kube
from rainbow.errors import RainbowError, Refused, TemporaryError

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]
OLD = 20_000  # people from before there was a second table


@pytest.fixture
def app(kube: Kube, namespace: str, context: Context, tmp_path: Path) -> Iterator[Book]:
    """Its database is empty, and nothing is released."""
    with book(kube, namespace, context, tmp_path) as made:
        yield made


def test_forward_and_back_at_each_stage_and_nobody_notices(app: Book) -> None:
    """Users read and write all the while: no request fails, and no row is lost or differs from what they were told.

    On the way: a stage that is skipped, or comes too early, is refused; the backfill is killed midway; contract is
    refused with the names of the releases in the way, and done when they are gone. Each step has its own rights only.
    """
    app.live("v1-0")
    app.sql(
        "INSERT INTO person (name, street, city) SELECT 'old ' || n, n || ' Old Street', 'Oldtown' "  # noqa: S608
        f"FROM generate_series(1, {OLD}) n"
    )
    users = Users(app.proxy.removeprefix("http://"), app.host)
    with users.at_work():
        _two_tables(app)
        _truth_moves(app)
        _old_columns_go(app)
    assert not users.failures, users.failures[:5]
    assert set(users.answered) == {"v1-0", "v2-1", "v2-2", "v2-3"}
    _every_row_is_as_told(app, users)


def _two_tables(app: Book) -> None:
    app.submit("too-early", like="v2-2")
    with pytest.raises(Refused, match="from version 2 to 3, and the database has version 1: a stage is skipped"):
        app.step("expand", "too-early")
    app.live("v2-1")
    _there_and_back(app, "v1-0", "v2-1")
    app.submit("v2-2")
    with pytest.raises(Refused, match=r"v1-0 \(Draining.*works with 1 to 2"):
        app.step("expand", "v2-2")
    app.gone("v1-0")


def _truth_moves(app: Book) -> None:
    app.promote("v2-2")
    _backfill_is_killed(app)
    _there_and_back(app, "v2-1", "v2-2")
    lines = app.step("backfill", "v2-2")
    # A pod that is deleted by force may go on for a moment, and come to the end by itself.
    assert "all old rows are moved" in lines[-1]
    app.gone("v2-1")


def _backfill_is_killed(app: Book) -> None:
    """With its container, by force, when it has moved some rows; it passes by the one on which somebody works."""
    ended: list[RainbowError] = []

    def run() -> None:
        try:
            app.step("backfill", "v2-2")
        except RainbowError as error:
            ended.append(error)

    with app.held(1):
        thread = threading.Thread(target=run)
        thread.start()
        eventually("a part of the backfill", lambda: int(app.sql("SELECT moved FROM schema_state")) > 0)
        path = app.kube.path(POD, app.namespace, f"{APP}-schema")
        app.kube.request("DELETE", path, body={"gracePeriodSeconds": 0})
        thread.join(60)
        assert [type(error) for error in ended] == [TemporaryError], ended
        assert app.sql("SELECT count(*) FROM address WHERE person = 1") == "0"
        assert int(app.sql("SELECT count(*) FROM address")) > 0


def _old_columns_go(app: Book) -> None:
    app.live("v2-3")
    with pytest.raises(Refused, match=r"in the way.*v2-2 \(Draining.*works with version 3"):
        app.step("contract", "v2-3")
    _there_and_back(app, "v2-2", "v2-3")
    app.gone("v2-2")
    lines = app.step("contract")
    assert "v2-2 (it is deleted, but 1 of its pods have not ended" in lines[0]
    columns = "SELECT string_agg(column_name, ',' ORDER BY 1) FROM information_schema.columns"
    assert app.sql(f"{columns} WHERE table_name = 'person'") == "id,name"
    state = app.record("v2-3").status.schema_state
    assert state is not None
    assert (state.version, state.contracted) == (4, True)


def _there_and_back(app: Book, before: str, now: str) -> None:
    """A rollback, and a person who promotes it again."""
    app.step("rollback", before, by="ada", allow_rejected=True)
    app.step("switch", now, allow_older=True)


def _every_row_is_as_told(app: Book, users: Users) -> None:
    rows = app.sql("SELECT p.id, p.name, a.street, a.city FROM person p JOIN address a ON a.person = p.id")
    found = {}
    for line in rows.splitlines():
        id_, name, street, city = line.split("|")
        found[int(id_)] = {"id": int(id_), "name": name, "street": street, "city": city}
    assert users.told
    differing = [(row, found.get(id_)) for id_, row in users.told.items() if found.get(id_) != row]
    assert not differing, differing[:5]
    old = [row for id_, row in found.items() if id_ not in users.told and row["name"].startswith("old ")]
    assert len(old) == OLD
    assert all(row["street"] == f"{row['name'].removeprefix('old ')} Old Street" for row in old)
    assert all(row["city"] == "Oldtown" for row in old)
