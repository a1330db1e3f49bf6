"""The lock of an app against an emulated API server: one writer at a time, however slow and whoever is killed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from emulated import Emulated, Killed, answer
from three_releases import LEASE, Shop

from rainbow.adapters.kube import LEASE as LEASE_KIND
from rainbow.adapters.lock import LostLock, holding, lock_of
from rainbow.adapters.proxy import Proxy
from rainbow.adapters.world import World
from rainbow.errors import PermanentError, Refused, TemporaryError
from steps import switch
from steps.marks import leave_the_truth

CALLS = range(1, 80)  # more than any run has, reads included


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The app behind a proxy that knows each route at once."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    made.start()
    return made


def _paused(shop: Shop, name: str, call: int, meanwhile: Callable[[], None], requests: list[str] | None = None) -> bool:
    """A switch that stops before its n-th request while something else is done; whether it came to that request."""
    requests = [] if requests is None else requests

    def called(method: str, path: str) -> None:
        requests.append(f"{method} {path}")
        if len(requests) == call:
            meanwhile()

    kube = Emulated(None, store=shop.store, called=called)
    params = switch.Params(namespace="shops", app="shop", release=name)
    with contextlib.suppress(Refused, TemporaryError, Killed):
        switch.run(params, World(kube, clock=shop.clock, say=shop.said.append, run=name))
    return len(requests) >= call


@pytest.mark.slow
def test_who_slept_through_its_lease_never_writes_after_the_next_one(shop: Shop) -> None:
    """Rule 4: v2 sleeps for an hour before any of its requests, and v3 goes live meanwhile: v2 is out for good."""
    came = 0
    for call in CALLS:
        shop.start()

        def newer() -> None:
            shop.clock.sleep(3600)
            shop.switch("v3", run="v3")
            assert shop.current == "v3"

        if not _paused(shop, "v2", call, newer):
            break
        came += 1
        assert shop.current == "v3"
        with contextlib.suppress(Refused):
            shop.switch("v2", run="v2")
        assert shop.current == "v3"
        shop.settled()
    assert came > 20


@pytest.mark.slow
def test_somebody_removes_the_lease_at_any_moment(shop: Shop) -> None:
    """An administrator tidies up: the token goes on growing all the same, and a retry comes to the same end."""
    for call in CALLS:
        shop.start()
        if not _paused(shop, "v2", call, lambda: shop.store.remove(LEASE)):
            break
        shop.switch("v2", run="v2")
        shop.switch("v3", run="v3")
        assert shop.current == "v3"
        shop.settled()


@pytest.mark.slow
def test_a_second_pod_of_the_same_workflow_takes_the_mark_away_at_any_moment(shop: Shop) -> None:
    """They share the lock, so only the mark tells: the route is not led to what `delete` may have begun on."""
    refused = 0
    for call in CALLS:
        shop.start()
        paths: list[str] = []

        def ends(paths: list[str] = paths) -> None:
            # Between the last look at the mark and the patch there is nothing more to look at.
            if not (paths[-1].startswith("PATCH") and paths[-1].endswith("ingresses/shop")):
                release, world = shop.record("v2"), shop.world(run="v2")
                leave_the_truth(world, release, lock_of(world, release))

        if not _paused(shop, "v2", call, ends, paths):
            break
        refused += shop.current != "v2"
        shop.switch("v2", run="v2")
        assert shop.current == "v2"
        shop.settled()
    assert call > 20
    assert refused > 5


def test_two_at_once_take_turns_and_the_message_names_the_other(shop: Shop) -> None:
    """The bounded wait ends with exit code 75; who held it ends, and then it is free."""
    with holding(shop.world(run="two"), shop.record("v2")) as lock:
        lock.duration *= 100
        lock.take()
        with pytest.raises(TemporaryError, match="another run is at work on app shop in namespace shops: v2/two holds"):
            shop.switch("v3")
    shop.switch("v3")
    assert shop.current == "v3"


def test_a_workflow_carries_it_from_step_to_step_with_one_token(shop: Shop) -> None:
    """Also over a temporary failure, whose retry takes it up; by hand each run is one of its own."""
    world, release = shop.world(run="two"), shop.record("v2")
    with holding(world, release, carried=True) as lock:
        token = lock.token
    with pytest.raises(TemporaryError), holding(world, release):
        raise TemporaryError("the proxy is away")
    with holding(world, release) as lock:
        assert lock.token == token
    assert shop.holder is None
    with holding(shop.world(), release, carried=True) as lock:
        assert lock.token == token + 1
    assert shop.holder is None, "nobody goes on with it"


def test_what_fails_for_good_gives_it_back(shop: Shop) -> None:
    """The next release need not wait until it runs out."""
    with pytest.raises(PermanentError), holding(shop.world(run="two"), shop.record("v2"), carried=True):
        raise PermanentError("no")
    assert shop.holder is None


def test_a_later_step_goes_on_with_it_or_without(shop: Shop) -> None:
    """`run-tests` keeps what `deploy` took; what a rollback has taken meanwhile it leaves alone."""
    world, release = shop.world(run="two"), shop.record("v2")
    with holding(world, release, carried=True) as first:
        pass
    lock = lock_of(world, release)
    lock.resume()
    assert lock.token == first.token
    with holding(shop.world(), shop.record("v1"), force=True):
        shop.clock.sleep(60)
        before = shop.store.version
        lock.renew()
        assert shop.store.version == before
        with pytest.raises(LostLock, match=r"v1/by-hand-.* holds it since"):
            lock.check(None)
    later = lock_of(world, release)
    later.resume()
    assert later.token is None


def test_a_long_wait_keeps_it_alive(shop: Shop) -> None:
    """Renewed now and then, and not at every look."""
    with holding(shop.world(), shop.record("v2")) as lock:
        for _ in range(100):
            shop.clock.sleep(3)
            lock.renew()
        lock.check(None)
        found = shop.world().kube.get(LEASE_KIND, "shops", "rainbow-shop")
        assert found is not None
        assert found["spec"]["renewTime"] > found["spec"]["acquireTime"]


def test_an_api_server_that_is_away_takes_it_from_nobody(shop: Shop) -> None:
    """A renewal that cannot be made is made later."""
    with holding(shop.world(), shop.record("v2")) as lock:
        lock.world.kube.attempts = 1

        def away(_method: str, _path: str) -> None:
            raise TemporaryError("connection refused")

        kube = lock.world.kube
        assert isinstance(kube, Emulated)
        kube.called = away
        shop.clock.sleep(10)
        lock.renew()
        kube.called = lambda _method, _path: None
        lock.check(None)
