"""The routes of one release: what an Ingress and HTTPRoutes say by host, path and header."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rainbow.adapters.kube import Object
from rainbow.adapters.routes import routes_of_release
from rainbow.model.app import AppConfig
from rainbow.model.release import Release, ReleaseSpec
from tests.decisions.make import release


def _released(document: Object, route: Object) -> Release:
    config = {
        "app": "spawn",
        "namespace": "spawn",
        "manifests": {"kustomize": "deploy"},
        "route": route,
        "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
    }
    spec = ReleaseSpec(release="v1", app=AppConfig.model_validate(config), manifests=json.dumps(document))
    return release("v1").model_copy(update={"spec": spec})


def _ingress(spec: Object) -> Object:
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "front"}, "spec": spec}


def _backend(service: str) -> Object:
    return {"service": {"name": service, "port": {"number": 80}}}


def _path(path: str, service: str, kind: str = "Prefix") -> Object:
    return {"path": path, "pathType": kind, "backend": _backend(service)}


def _of_ingress(spec: Object, **releases: str) -> Object:
    route = {"ingress": {"name": "front", "url": "http://proxy"}, "releases": releases}
    (made,) = routes_of_release(_released(_ingress(spec), route))
    return made


def _led(ingress: Object) -> dict[str, dict[str, str]]:
    return {
        rule.get("host", ""): {p["path"]: p["backend"]["service"]["name"] for p in rule["http"]["paths"]}
        for rule in ingress["spec"]["rules"]
    }


def test_below_its_path_a_release_has_all_paths_of_its_route_on_each_host() -> None:
    """The prefix ends with a slash: a proxy that compares texts does not take /releases/v11 for a part of it."""
    rules = [
        {"host": "a.example", "http": {"paths": [_path("/", "web"), _path("/api", "api")]}},
        {"host": "b.example", "http": {"paths": [_path("/x", "web", "Exact")]}},
    ]
    made = _of_ingress({"rules": rules, "defaultBackend": _backend("rest")}, path="/releases/$release/")
    assert _led(made) == {
        "v1.spawn.spawn.preview.internal": {"/": "web-v1", "/api": "api-v1", "/x": "web-v1"},
        "a.example": {"/releases/v1/": "web-v1", "/releases/v1": "web-v1", "/releases/v1/api": "api-v1"},
        "b.example": {"/releases/v1/x": "web-v1"},
        "": {"/releases/v1/": "rest-v1", "/releases/v1": "rest-v1"},
    }


def test_without_a_path_a_release_is_reached_by_its_host_alone() -> None:
    """The host is a template, so that it may be a name that the company's wildcard covers."""
    rules = [{"host": "a.example", "http": {"paths": [_path("/", "web")]}}]
    made = _of_ingress({"rules": rules}, host="$release.$app-in-$namespace.example")
    assert _led(made) == {"v1.spawn-in-spawn.example": {"/": "web-v1"}}


def _http_routes(rules: list[Object], **releases: str) -> dict[str, Object]:
    document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "front"},
        "spec": {"parentRefs": [{"name": "gateway"}], "hostnames": ["a.example"], "rules": rules},
    }
    route = {"httpRoute": {"name": "front", "url": "http://proxy"}, "releases": releases}
    return {made["metadata"]["name"]: made["spec"] for made in routes_of_release(_released(document, route))}


WEB = [{"name": "web", "port": 80}]
WEB_OF_V1 = [{"name": "web-v1", "port": 80}]


def test_an_http_route_of_its_own_for_host_path_and_header() -> None:
    """The same Gateway; the path is taken off; the header is one more condition, so that it wins over the route."""
    found = _http_routes([{"backendRefs": WEB}], path="/r/$release", header="X-Wanted")
    gateway = {"parentRefs": [{"name": "gateway"}]}
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    below = {"matches": [{"path": {"type": "PathPrefix", "value": "/r/v1"}}], "filters": [rewrite]}
    marked = {
        "path": {"type": "PathPrefix", "value": "/"},
        "headers": [{"type": "Exact", "name": "X-Wanted", "value": "v1"}],
    }
    assert found == {
        "spawn-v1-preview": gateway
        | {"hostnames": ["v1.spawn.spawn.preview.internal"], "rules": [{"backendRefs": WEB_OF_V1}]},
        "spawn-v1-path": gateway | {"hostnames": ["a.example"], "rules": [{"backendRefs": WEB_OF_V1} | below]},
        "spawn-v1-header": gateway
        | {"hostnames": ["a.example"], "rules": [{"backendRefs": WEB_OF_V1, "matches": [marked]}]},
    }


_HEADERS = [{"name": "X", "value": "y"}]


@pytest.mark.parametrize(
    ("match", "filters", "asked", "rewritten"),
    [
        (
            {"path": {"value": "/api"}, "headers": _HEADERS},
            [],
            ("PathPrefix", "/r/v1/api"),
            {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/api"},
        ),
        (
            {"path": {"type": "Exact", "value": "/login"}},
            [],
            ("Exact", "/r/v1/login"),
            {"type": "ReplaceFullPath", "replaceFullPath": "/login"},
        ),
        (
            {"path": {"value": "/old"}},
            [
                {
                    "type": "URLRewrite",
                    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}},
                }
            ],
            ("PathPrefix", "/r/v1/old"),
            {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"},
        ),
        (
            {"path": {"value": "/gone"}},
            [{"type": "RequestRedirect", "requestRedirect": {"hostname": "b.example"}}],
            ("PathPrefix", "/r/v1/gone"),
            None,
        ),
    ],
)
def test_each_match_is_put_below_the_prefix(
    match: Object, filters: list[Object], asked: tuple[str, str], rewritten: Any
) -> None:
    """What the base rewrites by itself stays so; a redirect cannot be rewritten; other conditions stay."""
    found = _http_routes([{"matches": [match], "filters": filters, "backendRefs": WEB}], path="/r/$release")
    (rule,) = found["spawn-v1-path"]["rules"]
    (below,) = rule["matches"]
    assert (below["path"]["type"], below["path"]["value"]) == asked
    assert below.get("headers") == match.get("headers")
    paths = [f["urlRewrite"]["path"] for f in rule["filters"] if f["type"] == "URLRewrite"]
    assert paths == ([rewritten] if rewritten else [])


def test_a_regular_expression_cannot_be_put_below_a_prefix() -> None:
    """By host and header it is reached all the same."""
    match = {"path": {"type": "RegularExpression", "value": "/v[0-9]+/.*"}}
    rules = [{"matches": [match], "backendRefs": WEB}, {"backendRefs": WEB}]
    found = _http_routes(rules, path="/r/$release", header="X-Wanted")
    assert [len(found[f"spawn-v1-{name}"]["rules"]) for name in ("preview", "path", "header")] == [2, 1, 2]
