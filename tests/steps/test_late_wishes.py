"""What a person asked for, and Argo or a Retry carries out later, undoes nothing that was decided since (rule 5)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from emulated import Killed, StoppedClock, answer
from three_releases import Shop, at, kill

from rainbow.adapters.proxy import Answer, Proxy
from rainbow.decisions.bake import BY
from rainbow.errors import Refused, TemporaryError
from steps import rollback, switch

DAY = 24 * 3600


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The app behind a proxy that knows each route at once."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    made.start()
    return made


def order(shop: Shop, name: str, asked: datetime, around: Callable[[str], None] = lambda _: None) -> None:
    """`switch --allow-older` as a workflow that was submitted then."""
    params = switch.Params(namespace="shops", app="shop", release=name, allow_older=True, by="ann")
    switch.run(params, replace(shop.world(around, run="ordered"), asked_at=asked))


def asked_now(shop: Shop) -> datetime:
    """As the API server dates a workflow."""
    return shop.clock.now().replace(microsecond=0)


@pytest.mark.parametrize("by", ["bob", BY])
def test_the_next_try_of_a_switch_does_not_promote_what_was_rolled_back_from_meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The first try moves the route and finds the proxy slow; a person, or a bake, goes back; Argo tries again."""
    asked = asked_now(shop)
    with monkeypatch.context() as slow:
        good = Proxy.ask

        def lagging(self: Proxy, host: str, path: str) -> Answer:
            seen = good(self, host, path)
            return replace(seen, release="v1") if host == "shop" else seen

        slow.setattr(Proxy, "ask", lagging)
        with pytest.raises(TemporaryError):
            order(shop, "v2", asked)
    assert shop.current == "v2"
    shop.clock.sleep(20)
    rollback.run(rollback.Params(namespace="shops", app="shop", by=by, reason="v2 is broken"), shop.world())
    for later in (40, 3 * DAY):
        shop.clock.sleep(later)
        with pytest.raises(Refused, match=r"was asked for at .* ask again"):
            order(shop, "v2", asked)
        assert shop.current == "v1"
        assert shop.record("v2").status.rejected is not None
    shop.settled()


@pytest.mark.parametrize("later", [60, 3 * DAY])
def test_a_retry_of_a_switch_does_not_undo_a_later_choice(shop: Shop, later: float) -> None:
    """Its pod was killed before anything; somebody has chosen another release since."""
    asked = asked_now(shop)
    with contextlib.suppress(Killed):
        order(shop, "v2", asked, at(1, "before", kill))
    shop.clock.sleep(60)
    shop.switch("v3", allow_older=True)
    shop.clock.sleep(later)
    with pytest.raises(Refused, match="ordered another move"):
        order(shop, "v2", asked)
    assert shop.current == "v3"
    shop.settled()


def test_a_switch_that_a_release_has_passed_by_wins_at_once_and_not_days_later(shop: Shop) -> None:
    """A release that goes live is nobody's word against it; but a wish does not hold for ever."""
    asked = asked_now(shop)
    shop.clock.sleep(5)
    shop.switch("v3", run="three")
    shop.clock.sleep(DAY)
    with pytest.raises(Refused, match=r"switched to v3 at .*ask again: rainbow switch -n shops shop v2 --allow-older"):
        order(shop, "v2", asked)
    assert shop.current == "v3"
    order(shop, "v2", asked_now(shop) - timedelta(seconds=20))
    assert shop.current == "v2"
    order(shop, "v2", asked)
    assert shop.current == "v2", "what is done already is no harm at any time"
    shop.settled()


@pytest.mark.parametrize(
    "newer",
    [
        lambda shop: shop.rollback("v2"),
        lambda shop: shop.switch("v2", allow_older=True),
        lambda shop: order(shop, "v2", asked_now(shop)),
    ],
    ids=["rollback", "switch by hand", "switch as a workflow"],
)
@pytest.mark.parametrize("wish", [{}, {"from_release": "v2"}])
def test_a_late_rollback_by_name_does_not_undo_a_newer_choice(
    shop: Shop, newer: Callable[[Shop], None], wish: dict[str, Any]
) -> None:
    """Within its fifteen minutes as well: of two people the later one is meant, and nobody's choice is rejected."""
    shop.switch("v2")
    shop.switch("v3")
    asked = asked_now(shop)
    with contextlib.suppress(Killed):
        shop.rollback("v1", at(1, "before", kill), asked_at=asked)
    shop.clock.sleep(60)
    newer(shop)
    shop.clock.sleep(60)
    with pytest.raises(Refused, match="ask again: rainbow rollback -n shops shop v1"):
        shop.rollback("v1", asked_at=asked, **wish)
    assert shop.current == "v2"
    assert shop.record("v2").status.rejected is None
    shop.rollback("v1", asked_at=asked_now(shop))
    assert shop.current == "v1"
    shop.settled()


def test_a_bake_that_was_quicker_does_not_stop_a_persons_rollback(shop: Shop) -> None:
    """It has gone back to v2, as nobody has asked it to; the person has said v1 a moment before."""
    shop.switch("v2")
    shop.switch("v3")
    asked = asked_now(shop)
    shop.clock.sleep(5)
    wish = rollback.Params(namespace="shops", app="shop", release="v2", from_release="v3", by=BY, reason="errors")
    rollback.run(wish, shop.world(run="three"))
    assert shop.current == "v2"
    shop.clock.sleep(5)
    shop.rollback("v1", asked_at=asked)
    assert shop.current == "v1"
    shop.settled()


@pytest.mark.parametrize("write", range(1, 12))
def test_a_rollback_between_any_two_writes_of_an_older_wish_stays(shop: Shop, write: int) -> None:
    """It is looked at again right before the route moves, and by the tries that follow."""
    shop.switch("v2")
    asked = asked_now(shop)
    came: list[str] = []

    def person() -> None:
        shop.clock.sleep(30)
        shop.rollback("v1")
        came.append(shop.current)

    with contextlib.suppress(Refused, TemporaryError):
        order(shop, "v3", asked, at(write, "before", person))
    shop.clock.sleep(30)
    with pytest.raises(Refused) if came else contextlib.nullcontext():
        order(shop, "v3", asked)
    assert shop.current == ("v1" if came else "v3")
    assert came or write > 9
    shop.settled()


class Behind(StoppedClock):
    """The clock of a machine that is some time behind."""

    def __init__(self, true: StoppedClock, by: timedelta) -> None:
        self.true, self.by = true, by

    def now(self) -> datetime:
        """What that machine believes."""
        return self.true.now() - self.by

    def monotonic(self) -> float:
        """Seconds are the same everywhere."""
        return self.true.monotonic()

    def sleep(self, seconds: float) -> None:
        """So they pass."""
        self.true.sleep(seconds)


@pytest.mark.parametrize("behind", [0, 120])
def test_a_rollback_from_a_machine_whose_clock_is_slow_wins_all_the_same(shop: Shop, behind: int) -> None:
    """The API server dates the release that is under way; the mark, the move and the end are dated after that."""
    shop.store.clock = shop.clock.now
    shop.switch("v2")
    shop.clock.sleep(600)
    shop._release("v4")
    shop.clock.sleep(30)
    world = replace(shop.world(), clock=Behind(shop.clock, timedelta(seconds=behind)))
    rollback.run(rollback.Params(namespace="shops", app="shop", release="v1", by="ada"), world)
    with pytest.raises(Refused, match="rolled back from by ada"):
        shop.switch("v4", run="four")
    assert shop.current == "v1"
    status, began = shop.record("v2").status, shop.record("v4").created
    assert status.rejected is not None
    assert status.demoted_at is not None
    assert min(status.rejected.at, status.demoted_at) > began
    live = shop.record("v1").status.live_at
    assert live is not None
    assert live > began
