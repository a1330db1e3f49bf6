"""Schema changes with every kill and every race, many times over: users are always on a release that works."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable

import pytest
from books import NAMES, Books
from emulated import Killed, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from three_releases import at, kill

from rainbow.adapters.proxy import Proxy
from rainbow.errors import RainbowError
from rainbow.model.release import Phase

pytestmark = pytest.mark.slow
ACTS = ("expand", "switch", "rollback", "backfill", "contract")
Around = Callable[[str], None]


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    """Each example starts anew; the proxy knows each route at once."""
    made = Books()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    return made


def act(books: Books, what: str, name: str, around: Around = lambda _: None) -> None:
    """Some step for some release, whatever comes of it."""
    with contextlib.suppress(Killed, RainbowError):
        if what == "expand" and books.record(name).status.phase in (Phase.PENDING, Phase.FAILED):
            books.expand(name, around)
            books.tested(name)
        elif what == "switch":
            books.switch(name, around, allow_older=True)
        elif what == "rollback":
            books.rollback(name, around)
        elif what == "backfill":
            books.backfill(name, around)
        elif what == "contract":
            books.contract(name, around)


_TOLD: dict[int, Books] = {}


def prepare(books: Books, upto: int) -> None:
    """The story up to some release, of which the last two are there; told once, and then copied."""
    if upto not in _TOLD:
        books.start()
        for number, name in enumerate(NAMES[:upto]):
            books.gone(*NAMES[: max(0, number - 1)])
            books.live(name)
            if name == "v3":
                books.backfill("v3")
        books.store.seen = lambda: None
        _TOLD[upto] = copy.deepcopy(books)
    told = copy.deepcopy(_TOLD[upto])
    books.store, books.database, books.clock, books.said = told.store, told.database, told.clock, []
    books.store.seen = books.watch


happenings = st.tuples(
    st.sampled_from(ACTS),
    st.sampled_from(NAMES),
    st.sampled_from(["kill", "race", "leave"]),
    st.integers(1, 20),
    st.sampled_from(["before", "after"]),
    st.sampled_from(ACTS),
    st.sampled_from(NAMES),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(upto=st.integers(1, 4), runs=st.lists(happenings, min_size=1, max_size=5), deleted=st.sets(st.integers(0, 2)))
def test_users_are_always_on_a_release_that_works_with_the_schema(
    books: Books, upto: int, runs: list, deleted: set[int]
) -> None:
    """F5: any steps of any releases, each killed, or raced by a whole other run, at any write; checked at each write.

    The emulated database refuses to skip a stage; in the end the records say what it says.
    """
    prepare(books, upto)
    for what, name, event, write, when, other, of in runs:
        race = lambda other=other, of=of: act(books, other, of)  # noqa: E731
        happening: Callable[[], None] = {"kill": kill, "race": race, "leave": lambda: None}[event]
        act(books, what, name, at(write, when, happening))
    for number in deleted:
        if books.current != NAMES[number] and books.record(NAMES[number]).status.traffic != "switching":
            books.gone(NAMES[number])
    books.clock.sleep(3600)  # locks that nobody holds any more run out
    for name in NAMES:
        for what in ("expand", "backfill", "contract"):
            act(books, what, name)
    books.settled()


@pytest.mark.parametrize("write", range(1, 16))
@pytest.mark.parametrize("what", ["expand", "backfill", "contract"])
def test_killed_after_any_write_and_run_again_it_comes_to_its_end(books: Books, what: str, write: int) -> None:
    """A3: the same command is run once on the database, whichever write the step died at."""
    name, upto, last = {"expand": ("v2", 1, "to 2"), "backfill": ("v3", 2, "backfill"), "contract": ("v4", 4, "to 4")}[
        what
    ]
    prepare(books, upto)
    if what == "backfill":
        books.gone("v1")
        books.live("v3")
    if what == "contract":
        books.gone("v1", "v2", "v3")
    act(books, what, name, at(write, "after", kill))
    books.clock.sleep(3600)
    if what == "expand":
        books.expand(name)
    else:
        getattr(books, what)(name)
    assert books.database.done.count(last) == 1
    books.settled()


@pytest.mark.parametrize("write", range(1, 16))
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("way", ["rollback", "switch"])
def test_a_rollback_in_the_middle_of_a_contract(books: Books, way: str, when: str, write: int) -> None:
    """Either it comes first, and nothing is removed; or it is refused, before anything moves. Never both."""
    prepare(books, 4)
    books.gone("v1", "v2")
    books.note("v3", phase=Phase.DELETED, deleted_at=books.clock.now())
    back = lambda: books.note("v3", phase=Phase.DRAINED, deleted_at=None)  # noqa: E731 - its deletion was taken back

    def meanwhile() -> None:
        back()
        act(books, way, "v3")

    act(books, "contract", "v4", at(write, when, meanwhile))
    assert (books.current, books.database.version) in (("v3", 3), ("v4", 4), ("v4", 3))
