"""An HTTPRoute of the Gateway API as the route: its backendRefs name the Services of the current release."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from rainbow.adapters.kube import HTTP_ROUTE, Kube, Object
from rainbow.adapters.routes import Move, gateway, moving
from rainbow.adapters.routes.backends import backends
from rainbow.adapters.routes.release_http_routes import release_http_routes
from rainbow.adapters.routes.rules import Rule
from rainbow.adapters.routes.traces import Trace
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from rainbow.model.route import RouteState

references = gateway.references
_ROOT = {"type": "PathPrefix", "value": "/"}


def rules(document: Object) -> list[Rule]:
    """Who is led where by host and path alone: matches on headers, queries or methods, or by regex, are left out."""
    spec, found = document.get("spec") or {}, []
    for rule in spec.get("rules") or []:
        refs = [ref for ref in rule.get("backendRefs") or [] if ref.get("weight", 1) != 0]
        for match in rule.get("matches") or [{}]:
            path = _ROOT | (match.get("path") or {})
            if set(match) <= {"path"} and path["type"] in ("PathPrefix", "Exact"):
                for host in spec.get("hostnames") or [""]:
                    service = refs[0]["name"] if refs else None
                    found.append(Rule(host, path["value"], path["type"] == "Exact", service))
    return found


def defaulted(document: Object) -> Object:
    """A copy with what the API server fills in by the schema (gateway.networking.k8s.io/v1, HTTPRoute)."""
    made = copy.deepcopy(document)
    for parent in made["spec"].get("parentRefs") or []:
        parent.setdefault("group", gateway.GROUP)
        parent.setdefault("kind", "Gateway")
    made["spec"].setdefault("rules", [{}])
    for rule in made["spec"]["rules"]:
        for match in rule.setdefault("matches", [{}]):
            match["path"] = _ROOT | (match.get("path") or {})
        for ref in rule.get("backendRefs") or []:
            for key, value in {"group": "", "kind": "Service", "weight": 1}.items():
                ref.setdefault(key, value)
    return made


FORM = moving.Form(HTTP_ROUTE, rules, defaulted)


def points_at(kube: Kube, app: AppConfig) -> RouteState:
    """Where the HTTPRoute leads. Raises PermanentError when a Service is missing or when releases are mixed."""
    return moving.read(kube, app, FORM)


def carries(target: Release) -> frozenset[str]:
    """The names, without a release, of the Services behind the HTTPRoute of the base."""
    return moving.carried(target)


def patch(kube: Kube, target: Release, state: RouteState, trace: Trace) -> Move:
    """The one write that moves all backends of the app to the release, or makes an HTTPRoute that does not exist."""
    return moving.prepare(kube, target, state, trace, FORM)


def of_release(target: Release) -> list[Object]:
    """The HTTPRoutes that lead to the release whichever is current."""
    return release_http_routes(target)


def problems(_app: AppConfig, document: Object, _base: list[Object]) -> Iterable[tuple[str, str]]:
    """It has to belong to a Gateway, and to lead to all of its Services at some weight."""
    name = document["metadata"]["name"]
    if not (document.get("spec") or {}).get("parentRefs"):
        yield "name", f"HTTPRoute {name} has no parentRefs, expected the Gateway that serves it"
    for backend in backends(document):
        if not backend.traffic and backend.pointer.rpartition("/backendRefs/")[1]:
            yield (
                "name",
                f"HTTPRoute {name} has the backend {backend.service} at weight 0, expected none: it would keep its "
                "release for ever",
            )
