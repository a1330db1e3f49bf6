"""What the ServiceAccounts of steps need to read routes, and to move them, whatever kind the app uses."""

from __future__ import annotations

from typing import Any

from rainbow.adapters.routes.gateway import GROUP

# Which release an app is at whose Deployments are rolled in place.
ROLLED_READING: dict[str, Any] = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}

ROUTE_READING: list[dict[str, Any]] = [
    # which release is current: the route, and the labels of the Services it names; or the selector of the Service
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get"]},
    {"apiGroups": [GROUP], "resources": ["httproutes"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    ROLLED_READING,
]

ROUTE_WRITING: list[dict[str, Any]] = [
    # the route is patched, or created for an app's first release; each release's own routes are applied
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": [GROUP], "resources": ["httproutes"], "verbs": ["get", "create", "patch"]},
    # the same for a Service that is switched by its selector; of others, which release they belong to is read
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "create", "patch"]},
    ROLLED_READING,
]
