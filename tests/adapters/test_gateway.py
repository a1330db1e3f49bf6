"""What routes of the Gateway API refer to, and that not knowing is never taken for "nothing"."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from rainbow.adapters.kube import Forbidden, Kube, NotThere, Object
from rainbow.adapters.routes.backends import backends
from rainbow.adapters.routes.gateway import GROUP, KINDS, LISTING, references
from steps import delete

VERSIONS = {"v1": ["HTTPRoute", "GRPCRoute", "Gateway"], "v1alpha2": ["TCPRoute", "GRPCRoute"]}


@dataclass
class Api(Kube):
    """An API server that answers GET by a table; what is not in it is not there."""

    answers: dict[str, Object] = field(default_factory=dict)
    forbidden: str = "nothing"

    def request(self, _method: str, path: str, **_options: Any) -> str:
        """The answer for the path."""
        if path.endswith(self.forbidden):
            raise Forbidden(path)
        if path not in self.answers:
            raise NotThere(path)
        return json.dumps(self.answers[path])


def _api(routes: dict[str, Object], **options: Any) -> Api:
    base = f"/apis/{GROUP}"
    answers: dict[str, Object] = {base: {"versions": [{"groupVersion": f"{GROUP}/{v}"} for v in VERSIONS]}}
    for version, kinds in VERSIONS.items():
        names = [{"name": f"{kind.lower()}s", "kind": kind, "namespaced": True} for kind in kinds]
        answers[f"{base}/{version}"] = {"groupVersion": f"{GROUP}/{version}", "resources": names}
        for kind in kinds:
            items = [routes[kind]] if kind in routes else []
            answers[f"{base}/{version}/namespaces/shops/{kind.lower()}s"] = {"items": items}
    return Api(None, answers=answers, **options)


def _route(name: str, *refs: Object, **rule: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "shops"}, "spec": {"rules": [{"backendRefs": list(refs), **rule}]}}


def test_each_kind_that_the_cluster_has_is_asked() -> None:
    """Whatever version serves it, each route counts once; a kind that the cluster does not have names nothing."""
    web, bus = {"name": "web-v1", "port": 80}, {"name": "bus-v1", "port": 4222}
    api = _api({"HTTPRoute": _route("a", web), "GRPCRoute": _route("b", web), "TCPRoute": _route("c", bus)})
    del api.answers[f"/apis/{GROUP}/v1alpha2/namespaces/shops/grpcroutes"]  # the best version is asked, and no other
    assert references(api, "shops") == {"web-v1": ["GRPCRoute b", "HTTPRoute a"], "bus-v1": ["TCPRoute c"]}


def test_a_cluster_without_the_api_has_no_such_routes() -> None:
    """Most clusters do not have it."""
    assert references(Api(None), "shops") == {}


@pytest.mark.parametrize("what", ["httproutes", "tcproutes", f"{GROUP}/v1", GROUP])
def test_a_right_that_is_missing_is_no_absence(what: str) -> None:
    """Rule 2: the release is kept, since what refers to it is unknown."""
    with pytest.raises(Forbidden):
        references(_api({}, forbidden=what), "shops")


def test_every_backend_counts_at_any_weight_and_in_any_filter() -> None:
    """A mirror or a weight of zero is a reference too: the proxy complains when its Service is gone."""
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "mirror-v1"}}}
    route = _route("a", {"name": "web-v1", "weight": 0, "filters": [mirror]}, filters=[mirror])
    assert {backend.service for backend in backends(route)} == {"web-v1", "mirror-v1"}


@pytest.mark.parametrize(
    ("ref", "counts"),
    [
        ({"name": "x", "group": "", "kind": "Service", "namespace": "shops"}, True),
        ({"name": "x", "namespace": "others"}, False),
        ({"name": "x", "group": "traefik.io", "kind": "TraefikService"}, False),
    ],
)
def test_only_services_of_the_namespace_count(ref: Object, counts: bool) -> None:
    """Another namespace may have a Service of the same name."""
    assert [backend.service for backend in backends(_route("a", ref))] == (["x"] if counts else [])


def test_delete_may_list_every_kind() -> None:
    """Without the right it would delete nothing at all."""
    assert [rule["resources"] for rule in LISTING] == [[f"{kind.lower()}s" for kind in KINDS]]
    assert all(rule in delete.RULES for rule in LISTING)
