"""Routes of the Gateway API, as far as they refer to Services: what they name is kept. They are not switched yet.

Only the namespace of the app is looked at: a route of another one needs a ReferenceGrant here, which nobody makes by
accident, and reading it would take rights on the whole cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rainbow.adapters.kube import Kind, Kube, Object

GROUP = "gateway.networking.k8s.io"
KINDS = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")

# For the roles of the steps that ask for references.
LISTING: list[dict[str, Any]] = [
    # whether a route of the Gateway API leads to a release
    {"apiGroups": [GROUP], "resources": [f"{kind.lower()}s" for kind in KINDS], "verbs": ["list"]},
]


def references(kube: Kube, namespace: str) -> dict[str, list[str]]:
    """Service name → kinds and names of the routes that refer to it. None where the cluster has no such API.

    A right that is missing is no absence: Forbidden is raised.
    """
    found: dict[str, list[str]] = {}
    for kind in _served(kube):
        for route in kube.list(kind, namespace):
            title = f"{kind.kind} {route['metadata']['name']}"
            for service in set(services(route)):
                found.setdefault(service, []).append(title)
    return {service: sorted(titles) for service, titles in found.items()}


def services(route: Object) -> Iterator[str]:
    """The Services of its own namespace that a route names, at any weight, filters such as mirrors included."""
    namespace = route["metadata"]["namespace"]
    for ref in _backend_refs(route.get("spec") or {}):
        service = (ref.get("group") or "", ref.get("kind") or "Service") == ("", "Service")
        if service and (ref.get("namespace") or namespace) == namespace:
            yield ref["name"]


def _backend_refs(part: Any) -> Iterator[Object]:
    if isinstance(part, list):
        for item in part:
            yield from _backend_refs(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("backendRef", "backendRefs"):
                yield from value if isinstance(value, list) else [value]
            yield from _backend_refs(value)


def _served(kube: Kube) -> list[Kind]:
    """One version of each kind that the cluster has: its best one. Any of them gives all objects of the kind."""
    served: dict[str, Kind] = {}
    for kind in kube.kinds(GROUP):
        served.setdefault(kind.kind, kind)
    return [served[name] for name in KINDS if name in served]
