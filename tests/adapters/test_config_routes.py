"""rainbow.yaml: what is wrong with a route, of each kind, is said with its place before anything is submitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.kube import Object
from rainbow.errors import BadInput

HEAD = """\
app: shop
namespace: shops
manifests:
  kustomize: deploy
drain:
  prometheus:
    url: http://prometheus
    query: sum(tasks{release="$release"})
route:
"""
SERVICE = HEAD + "  service:\n    name: web\n    ingress: front\n    url: http://traefik\n    checkPath: /api/health\n"
HTTP_ROUTE = HEAD + "  httpRoute:\n    name: front\n    url: http://traefik\n    checkPath: /api/health\n"


def _service(name: str = "web", **spec: Any) -> Object:
    spec = {"selector": {"part": name}, "ports": [{"port": 80}]} | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _ingress(*services: str, name: str = "front") -> Object:
    paths = [{"path": f"/{s}", "pathType": "Prefix", "backend": {"service": {"name": s}}} for s in services[1:]]
    paths.append({"path": "/api", "pathType": "Prefix", "backend": {"service": {"name": services[0]}}})
    spec = {"rules": [{"http": {"paths": paths}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": spec}


def _http_route(*refs: Object, **spec: Any) -> Object:
    match = {"path": {"type": "PathPrefix", "value": "/api"}}
    rules = [{"matches": [match], "backendRefs": list(refs) or [{"name": "web", "port": 80}]}]
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "front"}}
    return head | {"spec": {"parentRefs": [{"name": "gateway"}], "rules": rules} | spec}


def _answer(folder: Path, text: str, *base: Object) -> str:
    path = folder / "rainbow.yaml"
    path.write_text(text)
    try:
        check_base(path, read_config(path), "\n---\n".join(map(json.dumps, base)))
    except BadInput as error:
        return str(error).replace(f"{folder}/", "")
    return ""


@pytest.mark.parametrize(
    ("text", "base"),
    [
        (SERVICE, [_service(), _ingress("web")]),
        (HTTP_ROUTE, [_service(), _http_route()]),
        (HTTP_ROUTE, [_service(), _service("docs"), _http_route({"name": "web"}, {"name": "docs"})]),
    ],
)
def test_what_fits_passes(tmp_path: Path, text: str, base: list[Object]) -> None:
    """A Service behind a static Ingress, and an HTTPRoute with any number of Services."""
    assert _answer(tmp_path, text, *base) == ""


# What is wrong with the base → rainbow.yaml, the base, and the line that is answered.
WRONG = {
    "the Ingress in front is not there": (
        SERVICE,
        [_service(), _ingress("web", name="fronts")],
        "rainbow.yaml:12:14: route.service.ingress: found 'front', expected an Ingress of the base; "
        "did you mean fronts?",
    ),
    "the Service is not there": (
        SERVICE,
        [_service("api"), _ingress("api")],
        "rainbow.yaml:11:11: route.service.name: found 'web', expected a Service of the base\n"
        "rainbow.yaml:12:14: route.service.ingress: Ingress front leads to api, expected Service web alone: several "
        "selectors cannot change in one write; use route.ingress for several Services",
    ),
    "several Services are behind the Ingress": (
        SERVICE,
        [_service(), _service("docs"), _ingress("web", "docs")],
        "rainbow.yaml:12:14: route.service.ingress: Ingress front leads to docs, web, expected Service web alone: "
        "several selectors cannot change in one write; use route.ingress for several Services",
    ),
    "the Service selects nothing": (
        SERVICE,
        [_service(selector={}), _ingress("web")],
        "rainbow.yaml:11:11: route.service.name: Service web has no selector, expected one: a switch changes it",
    ),
    "the HTTPRoute is not there": (
        HTTP_ROUTE,
        [_service(), _ingress("web")],
        "rainbow.yaml:11:11: route.httpRoute.name: found 'front', expected an HTTPRoute of the base; there are none",
    ),
    "the HTTPRoute has no Gateway": (
        HTTP_ROUTE,
        [_service(), _http_route(parentRefs=[])],
        "rainbow.yaml:11:11: route.httpRoute.name: HTTPRoute front has no parentRefs, expected the Gateway that "
        "serves it",
    ),
    "a weight is zero": (
        HTTP_ROUTE,
        [_service(), _service("docs"), _http_route({"name": "web"}, {"name": "docs", "weight": 0})],
        "rainbow.yaml:11:11: route.httpRoute.name: HTTPRoute front has the backend docs at weight 0, expected none: "
        "it would keep its release for ever",
    ),
    "a backend is not there": (
        HTTP_ROUTE,
        [_service(), _http_route({"name": "wep"})],
        "rainbow.yaml:11:11: route.httpRoute.name: HTTPRoute front has the backend wep, expected a Service of the "
        "base; did you mean web?",
    ),
    "the path is not served": (
        HTTP_ROUTE.replace("/api/health", "/health"),
        [_service(), _http_route()],
        "rainbow.yaml:13:16: route.httpRoute.checkPath: found '/health', expected a path below one of HTTPRoute front: "
        "/api",
    ),
    "another route is beside it": (
        HTTP_ROUTE,
        [_service(), _http_route(), _ingress("web")],
        "rainbow.yaml:4:14: manifests.kustomize: Ingress front would carry users' traffic before the switch; only "
        "HTTPRoute front of route.httpRoute may be there",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_base_that_does_not_fit_its_route_is_answered(tmp_path: Path, case: str) -> None:
    """File, line, column, where, and what is expected."""
    text, base, lines = WRONG[case]
    assert _answer(tmp_path, text, *base) == lines


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("  ingress: {name: a, url: http://t}\n  httpRoute: {name: a, url: http://t}\n", "exactly one of ingress"),
        ("  ingress: {name: a, url: http://t}\n  releases: {header: X-Wanted}\n", "releases.header needs an httpRoute"),
        ("  ingress: {name: a, url: http://t}\n  releases: {path: /all}\n", "found '/all', expected a text like"),
        ("  ingress: {name: a, url: http://t}\n  releases: {host: shop.example}\n", "found 'shop.example', expected"),
        ("  service: {name: a, url: http://t}\n", "route.service.ingress: missing"),
    ],
)
def test_a_route_that_cannot_be_is_answered(tmp_path: Path, lines: str, said: str) -> None:
    """Two kinds at once; a header with an Ingress; routes of single releases that all releases would share."""
    assert said in _answer(tmp_path, HEAD + lines)
