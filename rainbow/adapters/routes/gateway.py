"""Routes of the Gateway API, as far as they refer to Services: what they name is kept.

Only the namespace of the app is looked at: a route of another one needs a ReferenceGrant here, which nobody makes by
accident, and reading it would take rights on the whole cluster.
"""

from __future__ import annotations

from typing import Any

from rainbow.adapters.kube import SERVICE, Kind, Kube
from rainbow.adapters.routes.backends import backends
from rainbow.adapters.routes.owners import owner

GROUP = "gateway.networking.k8s.io"
KINDS = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")

# For the roles of the steps that ask for references.
LISTING: list[dict[str, Any]] = [
    # whether a route of the Gateway API leads to a release
    {"apiGroups": [GROUP], "resources": [f"{kind.lower()}s" for kind in KINDS], "verbs": ["list"]},
]


def references(kube: Kube, namespace: str) -> dict[str, list[str]]:
    """Service name → kinds and names of the routes that refer to it. None where the cluster has no such API.

    A release's own routes to itself do not count. A right that is missing is no absence: Forbidden is raised.
    """
    routes = [route for kind in _served(kube) for route in kube.list(kind, namespace)]
    owned = any(owner(route)[1] for route in routes)
    owners = {s["metadata"]["name"]: owner(s) for s in kube.list(SERVICE, namespace)} if owned else {}
    found: dict[str, list[str]] = {}
    for route in routes:
        own = owner(route)
        for service in {backend.service for backend in backends(route)}:
            if None in own or owners.get(service) != own:
                found.setdefault(service, []).append(f"{route['kind']} {route['metadata']['name']}")
    return {service: sorted(titles) for service, titles in found.items()}


def _served(kube: Kube) -> list[Kind]:
    """One version of each kind that the cluster has: its best one. Any of them gives all objects of the kind."""
    served: dict[str, Kind] = {}
    for kind in kube.kinds(GROUP):
        served.setdefault(kind.kind, kind)
    return [served[name] for name in KINDS if name in served]
