"""`rollback` when the records name several routes, and when the release that it leads away from is broken."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from emulated import Emulated, Killed, answer
from three_releases import Shop, at, kill

from rainbow.adapters.proxy import Proxy
from rainbow.adapters.routes import read_route
from rainbow.errors import PermanentError, Refused, TemporaryError
from rainbow.model.release import Phase

WRITES = range(1, 18)  # more than any run has
SERVICE_OF_V2 = ("services", "shops", "web-v2")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The app behind a proxy that knows each route at once; v2 has replaced v1."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    made.start()
    made.switch("v2")
    return made


# --- another route ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_gateway")
@pytest.mark.parametrize("status", [{}, {"phase": Phase.READY}, {"phase": Phase.FAILED}])
@pytest.mark.parametrize("route", [{"ingress": {"name": "other"}}, {"httpRoute": {"name": "shop"}}])
def test_a_release_that_never_lived_has_no_say_in_which_route_it_is(
    shop: Shop, route: dict[str, dict[str, str]], status: dict[str, Any]
) -> None:
    """Its rainbow.yaml names a route that is not there, or of a kind that the cluster does not know."""
    shop.submit("v9", **route)
    if status:
        shop.note("v9", **status)
    shop.rollback()
    assert shop.current == "v1"
    assert shop.record("v2").status.rejected is not None


def _renamed(shop: Shop, *names: str) -> None:
    """These have replaced v2 by another route."""
    for name in names:
        shop.submit(name, ingress={"name": "other"})
        shop.note(name, phase=Phase.READY)
        shop.switch(name)


def test_across_a_renamed_route_it_is_refused_and_changes_nothing(shop: Shop) -> None:
    """To move the route of old would leave users where they are, while everybody believes that they were led back."""
    _renamed(shop, "v4")
    version = shop.store.version
    with pytest.raises(Refused, match=r"v1 has the route ingress shop, and users are led to v4 by ingress other"):
        shop.rollback("v1")
    with pytest.raises(Refused, match=r"no earlier release .*v2 has the route ingress shop"):
        shop.rollback()
    assert shop.store.version == version


def test_a_switch_back_across_a_renamed_route_is_refused_and_changes_nothing(shop: Shop) -> None:
    """By the route of old v2 is current still; nobody comes by it, so "it is current already" would be no answer."""
    _renamed(shop, "v4")
    version = shop.store.version
    for name in ("v1", "v2"):
        with pytest.raises(Refused, match=rf"{name} has the route ingress shop, and users are led to v4 by ingress"):
            shop.switch(name, allow_older=True)
    with pytest.raises(Refused, match="users are led to v4 by ingress other"):
        shop.switch("v2")
    assert shop.record("v4").status.phase is Phase.CURRENT
    assert shop.store.version == version
    shop.switch("v4", allow_older=True)


def test_a_route_that_took_the_users_and_is_gone_again_is_in_nobodys_way(shop: Shop) -> None:
    """As the refusal says: whoever leads users back by hand, takes the other route away."""
    _renamed(shop, "v4")
    del shop.store.objects["ingresses", "shops", "other"]
    shop.switch("v1", allow_older=True)
    assert shop.current == "v1"


def test_without_a_name_one_of_the_same_route_is_found(shop: Shop) -> None:
    """Though one of the route before was current later, as its record says."""
    _renamed(shop, "v4", "v5")
    shop.note("v2", demoted_at=shop.clock.now())
    shop.rollback()
    led = shop.store.objects["ingresses", "shops", "other"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]
    assert led["service"]["name"] == "web-v4"


def test_a_route_of_live_releases_that_cannot_be_read_is_not_made_up_for_by_an_older_one(shop: Shop) -> None:
    """Unknown is not "the one before"."""
    _renamed(shop, "v4")
    shop.store.objects["ingresses", "shops", "other"]["spec"]["rules"][0]["http"]["paths"][0]["backend"] = {
        "service": {"name": "nobody", "port": {"number": 80}}
    }
    with pytest.raises(PermanentError, match="no Service shops/nobody"):
        shop.rollback("v1")


def test_a_policy_that_cannot_be_read_stops_nobody_who_ignores_it(shop: Shop) -> None:
    """There may be a hold in it; a rollback despite any hold need not know."""
    head = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "shop", "namespace": "shops"}}
    Emulated(None, store=shop.store).create(head | {"spec": {"hold": {"reason": "no time, no name"}}})
    with pytest.raises(PermanentError, match="malformed"):
        shop.rollback()
    shop.rollback(despite_hold=True)
    assert shop.current == "v1"


# --- a Service that is gone ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v1", None])
def test_from_a_release_whose_service_is_gone(shop: Shop, name: str | None) -> None:
    """Users get errors: there is hardly a better reason. Whose it was, the records tell."""
    del shop.store.objects[SERVICE_OF_V2]
    shop.rollback(name)
    assert shop.current == "v1"
    assert shop.record("v2").status.rejected is not None
    shop.settled()


def test_a_better_release_may_replace_it_as_well(shop: Shop) -> None:
    """Forward is a way out, too."""
    del shop.store.objects[SERVICE_OF_V2]
    shop.switch("v3")
    assert shop.current == "v3"
    shop.settled()


@pytest.mark.slow
def test_from_it_killed_before_any_write_the_next_run_does_it(shop: Shop) -> None:
    """A3."""
    for write in WRITES:
        shop.start()
        shop.switch("v2")
        del shop.store.objects[SERVICE_OF_V2]
        with contextlib.suppress(Killed):
            shop.rollback("v1", at(write, "before", kill))
        shop.rollback("v1")
        assert shop.current == "v1"
        assert shop.record("v2").status.rejected is not None
        shop.settled()


def test_from_it_to_one_that_does_not_answer_leaves_nobody_marked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are broken; the records say what the route says."""
    del shop.store.objects[SERVICE_OF_V2]
    with monkeypatch.context() as patched:
        patched.setattr(Proxy, "ask", lambda self, host, _path: answer(shop.store, "nowhere", self.clock))
        with pytest.raises(TemporaryError, match="does not answer from release v1"):
            shop.rollback()
    assert shop.current == "v2"
    shop.settled()
    assert shop.record("v2").status.rejected is None


def test_a_service_that_is_in_no_record_is_nobodys(shop: Shop) -> None:
    """By its name alone it is not guessed; nor by the records, when nobody asks for that."""
    del shop.store.objects["releases", "shops", "shop-v2"]
    shop.store.seen = lambda: None
    del shop.store.objects[SERVICE_OF_V2]
    with pytest.raises(PermanentError, match="no Service shops/web-v2"):
        shop.rollback("v1")
    shop.start()
    shop.switch("v2")
    del shop.store.objects[SERVICE_OF_V2]
    config, kube = shop.record("v1").spec.app, Emulated(None, store=shop.store)
    assert read_route(kube, config, though_gone=True).current == "v2"
    with pytest.raises(PermanentError, match="no Service shops/web-v2"):
        read_route(kube, config)
