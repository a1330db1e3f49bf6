"""Every kind of route on the cluster: switched to and fro under load, and the routes of each single release."""

from __future__ import annotations

import pytest
from routes_app import FRONTS, Routed
from shop import eventually
from stand_ins import users
from tiny import Tiny

from cluster.context import Context
from rainbow.adapters.kube import INGRESS, Kube
from rainbow.adapters.routes import read_route, referenced_services
from rainbow.adapters.routes.release_routes import close_release_routes, open_release_routes, release_route_refs

pytestmark = pytest.mark.cluster


@pytest.fixture(params=FRONTS)
def routed(kube: Kube, namespace: str, context: Context, request: pytest.FixtureRequest) -> Routed:
    """The app with two releases, behind each kind of route in turn."""
    made = Routed(Tiny(kube, namespace), FRONTS[request.param], f"127.0.0.1:{context.ports.traefik}")
    for name in ("v1", "v2"):
        made.submit(name)
        made.deploy(name)  # takes longer than a second: of two releases of one second neither is newer
    return made


def test_to_and_fro_no_user_notices_and_each_release_keeps_its_own_routes(routed: Routed) -> None:
    """K1, K2, B6, S10: first release, switch, rollback under load; each release is reached whichever is current."""
    kube, app = routed.tiny.kube, routed.tiny.record("v1").spec.app
    routed.switch("v1")
    front = kube.get(INGRESS, app.namespace, "front")
    with users(routed) as load:
        for release, older in (("v2", False), ("v1", True), ("v2", True)):
            routed.switch(release, allow_older=older)
            assert {routed.ask() for _ in range(5)} == {(200, release, "/")}
    assert load.failures == []
    assert load.order() == ["v1", "v2"]
    state = read_route(kube, app)
    assert (state.current, state.previous) == ("v2", "v1")
    if routed.front.key == "service":
        assert kube.get(INGRESS, app.namespace, "front") == front  # static: no proxy reads it anew
    _reached_by_their_own_routes(routed)
    _kept_by_what_leads_there(routed)
    _closed_and_opened(routed)


def _reached_by_their_own_routes(routed: Routed) -> None:
    # Only an HTTPRoute can take the prefix off.
    prefix = "" if routed.front.key == "httpRoute" else "/releases/v1"
    own = f"v1.tiny.{routed.tiny.namespace}.preview.internal"
    assert routed.ask("/x", host=own) == (200, "v1", "/x")
    assert routed.ask("/releases/v1/x/y?z=1") == (200, "v1", f"{prefix}/x/y?z=1")
    assert routed.ask("/releases/v1")[:2] == (200, "v1")
    assert routed.ask("/releases/v11/x") == (200, "v2", "/releases/v11/x")
    if routed.front.key == "httpRoute":
        assert routed.ask("/x", **{"X-Wanted": "v1"}) == (200, "v1", "/x")
        assert routed.ask("/x", **{"X-Wanted": "v9"}) == (200, "v2", "/x")


def _kept_by_what_leads_there(routed: Routed) -> None:
    switched = routed.front.switched.kind
    names = {"Ingress": "front", "Service": "Service web", "HTTPRoute": "HTTPRoute front"}
    assert referenced_services(routed.tiny.kube, routed.tiny.namespace).get("web-v1") is None
    assert referenced_services(routed.tiny.kube, routed.tiny.namespace)["web-v2"] == [names[switched]]


def _closed_and_opened(routed: Routed) -> None:
    """Sealed, no request gets to v1, and users of v2 are none the worse for it; opened again, it is reached again."""
    kube, v1 = routed.tiny.kube, routed.tiny.record("v1")
    with users(routed) as load:
        assert close_release_routes(kube, v1) == [f"{ref.kind} {ref.name}" for ref in release_route_refs(v1)]
        assert close_release_routes(kube, v1) == []
        eventually(lambda: routed.ask("/releases/v1/x")[1] == "v2", "the proxy has closed the path")
        assert routed.ask(host=f"v1.tiny.{routed.tiny.namespace}.preview.internal")[:2] == (404, None)
        open_release_routes(kube, v1)
        eventually(lambda: routed.ask("/releases/v1/x")[1] == "v1", "the proxy has opened the path")
    assert load.failures == []
