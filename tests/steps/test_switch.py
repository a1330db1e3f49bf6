"""`switch` against an emulated API server: every kill and every race, many times over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from emulated import Emulated, Killed, StoppedClock, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from three_releases import NAMES, Shop, at, kill

from rainbow.adapters.proxy import Answer, Proxy
from rainbow.adapters.records import list_releases
from rainbow.adapters.world import World
from rainbow.errors import Refused, TemporaryError
from rainbow.model.release import Phase
from steps import switch, switching


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The app behind a proxy that knows each route at once; each example starts anew."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    return made


def test_the_route_moves_and_both_records_say_so(shop: Shop) -> None:
    """The plain case."""
    shop.start()
    shop.switch("v2")
    assert (shop.current, shop.live) == ("v2", {"v1", "v2"})
    shop.settled()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from(["kill", "race", "leave"]),
            st.integers(1, 16),
            st.sampled_from(["before", "after"]),
            st.sampled_from(NAMES),
        ),
        min_size=1,
        max_size=4,
    ),
    data=st.data(),
)
@pytest.mark.slow
def test_whoever_iskilled_or_overtaken_anywhere_retries_converge(shop: Shop, runs: list, data: st.DataObject) -> None:
    """A3, rule 1: any runs, each killed or raced by a whole other run at any write; then Retry for each.

    After each write the release that the route leads to is safe from `delete`; in the end the newest is current, who
    was ever live is draining with its times, and who never was is untouched.
    """
    shop.start()
    for name, event, write, when, other in runs:
        happening = {"kill": kill, "race": lambda other=other: _tolerant(shop, other), "leave": lambda: None}[event]
        _tolerant(shop, name, at(write, when, happening))
    for name in data.draw(st.permutations(NAMES)):
        _tolerant(shop, name)
    assert shop.current == "v3"
    shop.settled()


def _tolerant(
    shop: Shop, name: str, around: Callable[[str], None] = lambda _: None, *, allow_older: bool = False
) -> None:
    # All three are honest ends of a run; what they leave behind is what is tested.
    with contextlib.suppress(Killed, Refused, TemporaryError):
        shop.switch(name, around, allow_older=allow_older)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(NAMES),
    other=st.sampled_from(NAMES),
    write=st.integers(1, 16),
    when=st.sampled_from(["before", "after"]),
    back=st.booleans(),
)
@pytest.mark.slow
def test_two_at_once_leave_the_truth_behind_without_any_retry(
    shop: Shop, name: str, other: str, write: int, when: str, back: bool
) -> None:
    """A run that is overtaken at any write, by a newer release or by a person going back, writes nothing untrue."""
    shop.start()
    shop.switch("v2")
    _tolerant(shop, name, at(write, when, lambda: _tolerant(shop, other, allow_older=back)))
    shop.settled()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(write=st.integers(1, 16), when=st.sampled_from(["before", "after"]))
@pytest.mark.slow
def test_a_person_going_back_is_not_undone_by_a_late_retry(shop: Shop, write: int, when: str) -> None:
    """Rule 5: v2 is live, a person goes back to v1 (killed anywhere, done again); Retry of v2's workflow is refused."""
    shop.start()
    shop.switch("v2")
    try:
        shop.switch("v1", at(write, when, kill), allow_older=True)
    except Killed:
        shop.switch("v1", allow_older=True)
    with pytest.raises(Refused, match="only a person brings it back"):
        shop.switch("v2")
    assert shop.current == "v1"
    shop.settled()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(write=st.integers(1, 16), when=st.sampled_from(["before", "after"]), ending=st.sampled_from(["kill", "stop"]))
@pytest.mark.slow
def test_a_rollback_that_nobody_finishes_is_not_undone_either(shop: Shop, write: int, when: str, ending: str) -> None:
    """Rule 5: v3 is live, going back to v2 is killed or stopped anywhere; once the route moved, v3 does not return."""
    shop.start()
    shop.switch("v2")
    shop.switch("v3")
    with contextlib.suppress(Killed, KeyboardInterrupt):
        shop.switch("v2", at(write, when, kill if ending == "kill" else _interrupt), allow_older=True)
    moved = shop.current == "v2"
    with pytest.raises(Refused, match="only a person brings it back") if moved else contextlib.nullcontext():
        shop.switch("v3")
    assert shop.current == ("v2" if moved else "v3")


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_stopped_while_the_proxy_is_asked_the_records_say_who_is_current(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after the patch: the one before is demoted, and still kept, since the proxy was not seen to answer."""
    shop.start()
    shop.switch("v2")
    monkeypatch.setattr(switching, "ask_route", lambda *_, **__: _interrupt())
    with pytest.raises(KeyboardInterrupt):
        shop.switch("v3")
    status = {r.id: r.status for r in list_releases(Emulated(None, store=shop.store), "shops", "shop")}
    assert (status["v3"].phase, status["v3"].traffic) == (Phase.CURRENT, "100%")
    assert (status["v2"].phase, status["v2"].traffic) == (Phase.DRAINING, "100%")
    assert status["v2"].demoted_at is not None
    monkeypatch.undo()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(shop.store, host, self.clock))
    shop.switch("v3")
    shop.settled()


def test_who_was_overtaken_and_never_live_is_failed_and_nobody_else(shop: Shop) -> None:
    """`delete` is to find it; a person still has a way. Who was live before keeps its phase and its work."""
    shop.start()
    shop.switch("v3")
    for name in ("v2", "v1"):
        with pytest.raises(Refused, match="is superseded"):
            shop.switch(name)
    status = {r.id: r.status for r in list_releases(Emulated(None, store=shop.store), "shops", "shop")}
    assert (status["v2"].phase, status["v2"].traffic) == (Phase.FAILED, None)
    assert status["v2"].failed_at is not None
    assert "v3 is current and newer; a person has it" in (status["v2"].message or "")
    assert status["v1"].phase is Phase.DRAINING


def test_the_proxy_may_be_named_by_hand(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the cluster the address in rainbow.yaml does not resolve."""
    shop.start()
    asked: set[str] = set()

    def ask(self: Proxy, host: str, _path: str) -> Answer:
        asked.add(self.url)
        return answer(shop.store, host, self.clock)

    monkeypatch.setattr(Proxy, "ask", ask)
    params = switch.Params(namespace="shops", app="shop", release="v2", proxy_url="http://127.0.0.1:18080")
    switch.run(params, World(Emulated(None, store=shop.store), clock=StoppedClock(), say=lambda _: None))
    assert asked == {"http://127.0.0.1:18080"}
