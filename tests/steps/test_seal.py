"""The seal between two that delete, `delete` and `collect-garbage`: nothing goes while its own routes are open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from emulated import Emulated, Killed, StoppedClock
from shops import CURRENT, DRAINED, IDLE, Shops

from rainbow.adapters.records import note
from rainbow.adapters.routes.release_routes import open_release_routes
from rainbow.adapters.seal import seal
from rainbow.decisions.drain import DrainDecision
from rainbow.decisions.sealing import is_sealed
from rainbow.errors import Conflict, TemporaryError
from rainbow.model.release import Phase
from steps import collect_garbage


@pytest.fixture
def shops(told: dict[str, Any]) -> Shops:
    """v1 may go, v2 is current; no Deployment of v1 goes while its own route is there."""
    shops = Shops()
    shops.release("v1", **DRAINED)
    shops.release("v2", **CURRENT)
    shops.point("v2")

    def guard(key: tuple[str, str, str], _old: Any, new: Any) -> None:
        assert new is not None or key[0] != "deployments" or not shops.open("v1")

    shops.store.guard = guard
    return shops


def collect(shops: Shops, kube: Emulated | None = None) -> None:
    """One pass."""
    collect_garbage.run(collect_garbage.Params(namespace="spawn"), shops.world(kube))


def as_it_closes(shops: Shops, do: Callable[[], object]) -> Emulated:
    """An API server at which somebody does something the moment that the route of v1 is closed."""
    done: list[object] = []

    def around(when: str) -> None:
        if when == "after" and not done and not shops.open("v1"):
            done.append(None)
            do()

    return Emulated(None, attempts=1, store=shops.store, around=around)


def test_who_comes_second_does_not_open_what_the_first_has_sealed(shops: Shops) -> None:
    """The note of the other one conflicts; it leaves the routes to the one whose note stands."""
    kube = as_it_closes(shops, lambda: seal(shops.kube, StoppedClock(), shops.record("v1")))
    with pytest.raises(Conflict):
        seal(kube, StoppedClock(), shops.record("v1"))
    assert is_sealed(shops.record("v1").status)
    assert not shops.open("v1")


def test_nor_what_the_first_has_deleted(shops: Shops) -> None:
    """A route to Services that are gone would stay behind."""
    with suppress(TemporaryError):
        collect(shops, as_it_closes(shops, lambda: collect(shops)))
    assert shops.record("v1").status.phase is Phase.DELETED
    assert not shops.open("v1")


def test_a_switch_that_took_the_seal_off_finds_them_open(shops: Shops) -> None:
    """It asks the proxy through them at this very moment."""
    kube = as_it_closes(shops, lambda: note(shops.kube, shops.record("v1"), sealed_at=None, traffic="switching"))
    with pytest.raises(Conflict):
        seal(kube, StoppedClock(), shops.record("v1"))
    assert shops.open("v1")


def test_a_broken_seal_is_no_seal(shops: Shops, told: dict[str, Any]) -> None:
    """Somebody opened them after it was sealed, so work may have come: the next pass seals it anew and looks again."""

    def opened_once() -> DrainDecision:
        if not shops.open("v1"):
            told.clear()
            open_release_routes(shops.kube, shops.record("v1"))
        return IDLE

    told["v1"] = opened_once
    with pytest.raises(TemporaryError, match="Ingress spawn-v1-preview was opened since v1 was sealed"):
        collect(shops)
    assert shops.works("v1")
    assert shops.record("v1").status.deleted_at is None
    collect(shops)
    assert not shops.works("v1")


def test_two_passes_that_meet_anywhere(shops: Shops) -> None:
    """At each write of the one the other runs through, or is killed in between: `guard` watches."""
    for meeting in range(1, 40):
        shops.store.objects.clear()
        shops.release("v1", **DRAINED)
        shops.release("v2", **CURRENT)
        shops.point("v2")
        count = 0

        def around(_when: str, meeting: int = meeting) -> None:
            nonlocal count
            count += 1
            if count == meeting:
                with suppress(TemporaryError, Killed):
                    collect(shops)

        with suppress(TemporaryError):
            collect(shops, Emulated(None, attempts=1, store=shops.store, around=around))
        if count < meeting:
            break
        with suppress(TemporaryError):
            collect(shops)
        assert not shops.works("v1")
        assert not shops.open("v1")
    assert meeting > 5
