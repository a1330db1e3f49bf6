"""An Ingress as the route: its backends name the Services of the current release."""

from __future__ import annotations

from collections.abc import Iterable

from rainbow.adapters.kube import INGRESS, SERVICE, Kube, Object
from rainbow.adapters.routes import Move, moving
from rainbow.adapters.routes.backends import backends
from rainbow.adapters.routes.owners import owner
from rainbow.adapters.routes.release_ingress import release_ingress
from rainbow.adapters.routes.rules import Rule
from rainbow.adapters.routes.traces import Trace
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from rainbow.model.route import RouteState


def rules(document: Object) -> list[Rule]:
    """Who is led where by host and path; the default backend is for all others."""
    return [
        Rule(rule.get("host") or "", path.get("path") or "/", path.get("pathType") == "Exact", _service(path))
        for rule in (document.get("spec") or {}).get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or []
    ]


FORM = moving.Form(INGRESS, rules)


def points_at(kube: Kube, app: AppConfig) -> RouteState:
    """Where the Ingress leads. Raises PermanentError when a Service is missing or when releases are mixed."""
    return moving.read(kube, app, FORM)


def carries(target: Release) -> frozenset[str]:
    """The names, without a release, of the Services behind the Ingress of the base."""
    return moving.carried(target)


def patch(kube: Kube, target: Release, state: RouteState, trace: Trace) -> Move:
    """The one write that moves all backends of the app to the release, or makes an Ingress that does not exist."""
    return moving.prepare(kube, target, state, trace, FORM)


def of_release(target: Release) -> list[Object]:
    """The Ingress that leads to the release whichever is current."""
    return [release_ingress(target)]


def problems(_app: AppConfig, _document: Object, _base: list[Object]) -> Iterable[tuple[str, str]]:
    """Nothing beyond what is asked of every route."""
    return ()


def references(kube: Kube, namespace: str) -> dict[str, list[str]]:
    """Service name → names of the Ingresses that refer to it, but for an Ingress of the Service's own release."""
    owners = {s["metadata"]["name"]: owner(s) for s in kube.list(SERVICE, namespace)}
    found: dict[str, list[str]] = {}
    for ingress in kube.list(INGRESS, namespace):
        own = owner(ingress)
        for service in {b.service for b in backends(ingress)}:
            if None in own or owners.get(service) != own:
                found.setdefault(service, []).append(ingress["metadata"]["name"])
    return {service: sorted(names) for service, names in found.items()}


def _service(path: Object) -> str | None:
    name: str | None = ((path.get("backend") or {}).get("service") or {}).get("name")
    return name
