"""`switch` with every kind of route against an emulated API server: killed and raced at any write."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable

import pytest
from emulated import Emulated, Killed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds_of_route import FRONT, HTTP_ROUTE, ROUTES, Kinds, a_service
from three_releases import NAMES, at, kill

from rainbow.adapters.kube import Object
from rainbow.adapters.proxy import Proxy
from rainbow.adapters.routes import prepare_move, read_route, referenced_services
from rainbow.adapters.routes.http_route import defaulted
from rainbow.adapters.routes.release_routes import close_release_routes, open_release_routes, release_route_refs
from rainbow.adapters.survey import survey
from rainbow.errors import PermanentError, Refused, TemporaryError


@pytest.fixture(params=ROUTES)
def shop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kinds:
    """The app behind a proxy that knows each route at once; each example starts anew."""
    made = Kinds(kind=request.param)
    monkeypatch.setattr(Proxy, "ask", lambda self, host, path: made.answer(host, path, self.clock))
    return made


def _api(shop: Kinds) -> Emulated:
    return Emulated(None, store=shop.store)


def _tolerant(shop: Kinds, name: str, around: Callable[[str], None] = lambda _: None) -> None:
    with contextlib.suppress(Killed, Refused, TemporaryError):
        shop.switch(name, around)


def test_to_and_fro_all_backends_move_in_one_write(shop: Kinds) -> None:
    """First release, switch, rollback: after every single write the route leads to one whole release."""
    shop.start()
    shop.switch("v2")
    shop.switch("v1", allow_older=True)
    state = read_route(_api(shop), shop.record("v1").spec.app)
    assert (state.current, state.previous, state.token) == ("v1", "v2", shop.token)
    assert state.hosts == (("shop",) if shop.kind == "service" else ("shop", "www.shop"))
    assert state.switched_at is not None
    shop.settled()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from(["kill", "race"]),
            st.integers(1, 18),
            st.sampled_from(["before", "after"]),
            st.sampled_from(NAMES),
        ),
        min_size=1,
        max_size=3,
    ),
    first=st.booleans(),
)
@pytest.mark.slow
def test_killed_or_raced_anywhere_retries_converge(shop: Kinds, runs: list, first: bool) -> None:
    """A3: the making of the route is killed and raced as well; in the end the newest is current."""
    shop.start(switched=not first)
    for name, event, write, when, other in runs:
        happening = kill if event == "kill" else lambda other=other: _tolerant(shop, other)
        _tolerant(shop, name, at(write, when, happening))
    for name in NAMES:
        _tolerant(shop, name)
    assert shop.current == "v3"
    shop.settled()


# --- a Service's selector -----------------------------------------------------------------------------------


@pytest.fixture
def service() -> Kinds:
    """The app behind a Service's selector, three releases ready, no route yet."""
    return _unswitched("service")


def _unswitched(kind: str) -> Kinds:
    made = Kinds(kind=kind)
    made.start(switched=False)
    made.store.seen = lambda: None  # the route is moved without a word in the records
    return made


def _move(shop: Kinds, name: str) -> str:
    """Move the route without asking anybody; the remark."""
    target = shop.record(name)
    move = prepare_move(_api(shop), target, read_route(_api(shop), target.spec.app), shop.clock.now(), 1)
    move.write()
    return move.remark


def test_the_first_release_makes_ingress_and_service_and_neither_is_its_own(service: Kinds) -> None:
    """They outlive every release, so deleting a release by label may not find them."""
    assert _move(service, "v1") == "made Ingress shops/front, which leads to Service web from now on"
    for key in (("ingresses", "shops", "front"), ("services", "shops", "web")):
        assert service.store.objects[key]["metadata"]["labels"] == {"rainbow.dev/app": "shop"}
    assert service.current == "v1"


def test_an_ingress_that_leads_elsewhere_is_refused_before_anything_moves(service: Kinds) -> None:
    """A switch of the Service would reach nobody."""
    other = copy.deepcopy(FRONT) | {"metadata": {"name": "front", "namespace": "shops"}}
    other["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "old"
    _api(service).create(other)
    with pytest.raises(Refused, match="Ingress shops/front does not lead to Service web"):
        _move(service, "v1")
    assert service.route is None


def test_a_static_ingress_is_never_changed_and_a_difference_is_said(service: Kinds) -> None:
    """Whoever wants another path applies it by hand: no proxy reads anything anew at a switch."""
    _move(service, "v1")
    path = service.store.objects["ingresses", "shops", "front"]["spec"]["rules"][0]["http"]["paths"][0]
    path["path"] = "/shop"
    assert _move(service, "v2").endswith("has other hosts or paths than the base of v2. It is static: apply it by hand")
    assert path["path"] == "/shop"


def test_ports_follow_the_release(service: Kinds) -> None:
    """A release that listens elsewhere is reached there, in the same write; what is equal is not touched."""
    service._release("v4", [FRONT, a_service("web", 9000)])
    _move(service, "v1")
    assert service.route is not None
    service.route["spec"]["ports"][0]["nodePort"] = 30000
    _move(service, "v2")
    assert [(port["targetPort"], port["nodePort"]) for port in service.route["spec"]["ports"]] == [(8000, 30000)]
    _move(service, "v4")
    assert [port["targetPort"] for port in service.route["spec"]["ports"]] == [9000]
    assert service.current == "v4"


def test_a_service_that_does_not_select_its_release_alone_is_no_target(service: Kinds) -> None:
    """Its selector is what the users' Service gets: without the labels it would select the pods of all releases."""
    service.store.objects["services", "shops", "web-v1"]["spec"]["selector"] = {"part": "web"}
    with pytest.raises(PermanentError, match="web-v1 does not select the pods of release v1 of shop by its labels"):
        _move(service, "v1")


def test_a_selector_of_no_release_is_plain(service: Kinds) -> None:
    """What runs as plain Deployments keeps its users."""
    _api(service).create(a_service("web") | {"metadata": {"name": "web", "namespace": "shops"}})
    state = read_route(_api(service), service.record("v1").spec.app)
    assert (state.exists, state.current, state.plain) == (True, None, {"web"})
    with pytest.raises(Refused, match="web, which belong to no release"):
        service.switch("v1")


def test_to_select_the_pods_of_a_release_is_to_refer_to_all_of_it(service: Kinds) -> None:
    """A forgotten Service that selects the pods of a release keeps that release; the release's own does not count."""
    _move(service, "v1")
    forgotten = a_service("forgotten") | {"metadata": {"name": "forgotten", "namespace": "shops"}}
    forgotten["spec"]["selector"] = {"rainbow.dev/release": "v2"}
    _api(service).create(forgotten)
    assert referenced_services(_api(service), "shops") == {
        "web": ["front"],
        "web-v1": ["Service web"],
        "web-v2": ["Service forgotten"],
    }


# --- an HTTPRoute -------------------------------------------------------------------------------------------


@pytest.fixture
def http_route() -> Kinds:
    """The app behind an HTTPRoute that leads to v1."""
    made = _unswitched("http_route")
    _move(made, "v1")
    return made


def _rules(shop: Kinds) -> list[Object]:
    assert shop.route is not None
    rules: list[Object] = shop.route["spec"]["rules"]
    return rules


def test_weights_of_two_releases_are_an_error_that_names_both(http_route: Kinds) -> None:
    """Who is current cannot be known, so nobody is demoted by a guess."""
    _rules(http_route)[0]["backendRefs"].append({"name": "docs-v2", "port": 80, "weight": 1})
    with pytest.raises(PermanentError, match="HTTPRoute shops/front points at several releases of shop: v1, v2"):
        read_route(_api(http_route), http_route.record("v1").spec.app)


def test_a_weight_of_zero_says_nothing_about_who_is_current_and_keeps_its_release(http_route: Kinds) -> None:
    """The proxy answers 500 for the whole route when its Service is gone; a switch leaves it where it is."""
    refs = _rules(http_route)[0]["backendRefs"]
    refs += [{"name": "docs-v2", "port": 80, "weight": 0}, {"name": "gone", "port": 80, "weight": 0}]
    assert referenced_services(_api(http_route), "shops")["docs-v2"] == ["HTTPRoute front"]
    assert read_route(_api(http_route), http_route.record("v1").spec.app).current == "v1"
    _move(http_route, "v3")
    assert [ref["name"] for ref in _rules(http_route)[0]["backendRefs"]] == ["docs-v3", "docs-v2", "gone"]
    assert read_route(_api(http_route), http_route.record("v1").spec.app).current == "v3"


def test_nobody_gets_traffic_is_not_nobody_is_there(http_route: Kinds) -> None:
    """All weights are zero: the route is not taken for free."""
    for rule in _rules(http_route):
        rule["backendRefs"][0]["weight"] = 0
    with pytest.raises(Refused, match="the route exists, but points at no release of shop: docs-v1, web-v1"):
        http_route.switch("v2")


def test_hosts_and_paths_follow_the_base_though_the_api_server_fills_in_defaults(http_route: Kinds) -> None:
    """A path that a release adds goes live with it, and away with it; what a person added stays, and is said."""
    more = copy.deepcopy(HTTP_ROUTE)
    more["spec"]["rules"].append({"matches": [{"path": {"value": "/new"}}], "backendRefs": [{"name": "web"}]})
    http_route._release("v4", [more, a_service("web"), a_service("docs")])
    assert http_route.route is not None
    http_route.route["spec"] = defaulted(http_route.route)["spec"]  # as the API server gives it back
    assert _move(http_route, "v4") == ""
    assert len(_rules(http_route)) == 3
    assert _move(http_route, "v1") == ""
    assert len(_rules(http_route)) == 2
    _rules(http_route).append({"matches": [{"path": {"value": "/by-hand"}}], "backendRefs": [{"name": "web-v1"}]})
    assert "somebody changed it" in _move(http_route, "v4")
    assert [rule["backendRefs"][-1]["name"] for rule in _rules(http_route)] == ["docs-v4", "web-v4", "web-v4"]


# --- routes of one release ----------------------------------------------------------------------------------


def test_routes_of_a_release_are_opened_and_closed_any_number_of_times(shop: Kinds) -> None:
    """Each is an object of the release, with its labels and a line in its inventory; others' are not touched."""
    shop.start()
    kube, v1 = _api(shop), shop.record("v1")
    refs = release_route_refs(v1)
    assert set(refs) <= set(v1.status.objects)
    names = [f"{ref.kind} {ref.name}" for ref in refs]
    expected = {
        "service": ["Ingress shop-v1-preview"],
        "http_route": ["HTTPRoute shop-v1-preview", "HTTPRoute shop-v1-path", "HTTPRoute shop-v1-header"],
    }
    assert names == expected[shop.kind]
    assert close_release_routes(kube, v1) == names
    assert close_release_routes(kube, v1) == []
    open_release_routes(kube, v1)
    open_release_routes(kube, v1)
    key = ("ingresses" if shop.kind == "service" else "httproutes", "shops", "shop-v1-preview")
    shop.store.objects[key]["metadata"]["labels"] = {"rainbow.dev/app": "other", "rainbow.dev/release": "v1"}
    assert close_release_routes(kube, v1) == names[1:]
    with pytest.raises(Refused, match="belongs to release v1 of app other"):
        open_release_routes(kube, v1)
    assert shop.current == "v1"


def test_a_release_own_routes_do_not_keep_it(shop: Kinds) -> None:
    """They are deleted with it; pointed at another release they keep that one."""
    shop.start()
    shop.switch("v2")
    kube = _api(shop)
    assert "web-v1" not in referenced_services(kube, "shops")
    plural = "ingresses" if shop.kind == "service" else "httproutes"
    shop.store.objects[plural, "shops", "shop-v2-preview"]["metadata"]["labels"]["rainbow.dev/release"] = "v3"
    titles = [title.rpartition(" ")[2] for title in referenced_services(kube, "shops")["web-v2"]]
    assert "shop-v2-preview" in titles


def test_a_release_whose_pods_a_service_selects_is_referred_to(shop: Kinds) -> None:
    """Whatever kind of route the app has: deletion is told so, and by whom."""
    shop.start()
    shop.switch("v2")
    forgotten = a_service("forgotten") | {"metadata": {"name": "forgotten", "namespace": "shops"}}
    forgotten["spec"]["selector"] = {"rainbow.dev/app": "shop", "rainbow.dev/release": "v1"}
    _api(shop).create(forgotten)
    (seen,) = survey(_api(shop), "shops", "shop")
    assert (seen.trouble, seen.routes.current) == (None, "v2")
    assert set(seen.routes.references["v1"]) == {"Service forgotten"}
