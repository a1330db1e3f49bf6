"""The app of bench/probed.py as its owner describes it: its base and its rainbow.yaml, behind each kind of route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rainbow.adapters.kube import DEPLOYMENT, HTTP_ROUTE, INGRESS, SERVICE, Object

APP = "probed"
IMAGE = "registry.platform.svc.cluster.local:5000/rainbow/base:bookworm"
GATEWAY = {"name": "traefik", "namespace": "platform"}  # of the embedded cluster
_LABELS = {"part": "web"}
_ENTRIES = {
    "ingress": {"name": "front"},
    "service": {"name": "web", "ingress": "front"},
    "httpRoute": {"name": "front"},
}


def described(namespace: str, strategy: str, route: str, proxy: str) -> dict[str, Any]:
    """rainbow.yaml; nothing is deleted while it is measured."""
    entry = {"url": proxy} | _ENTRIES[route]
    return {
        "app": APP,
        "namespace": namespace,
        "strategy": strategy,
        "manifests": {"kustomize": "deploy"},
        "route": {route: entry, "timeout": "30s"},
        "drain": {"prometheus": {"url": proxy, "query": 'sum(none{release="$release"})'}},
        "retention": {"minimumAge": "1h"},
        "readyTimeout": "2m",
    }


def base(namespace: str, route: str, pods: int = 2) -> list[Object]:
    """Its kustomize base: pods that are ready when they answer, and end in good order."""
    selector, name = {"matchLabels": _LABELS}, {"name": "web"}
    ports = [{"name": "http", "port": 80, "targetPort": 8000}]
    budget = {"maxUnavailable": 1, "selector": selector}
    return [
        {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.kind,
            "metadata": name,
            "spec": {"replicas": pods, "selector": selector, "template": _pod()},
        },
        {
            "apiVersion": SERVICE.api_version,
            "kind": SERVICE.kind,
            "metadata": name,
            "spec": {"selector": _LABELS, "ports": ports},
        },
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": name, "spec": budget},
        _front(f"{namespace}.localhost", route),
    ]


def _pod() -> Object:
    asked = {"httpGet": {"path": "/", "port": 8000}}
    container = {
        "name": "web",
        "image": IMAGE,
        "command": ["python3", "-c", (Path(__file__).parent / "probed.py").read_text()],
        # A busy machine answers late; that says nothing about the app.
        "readinessProbe": asked | {"periodSeconds": 1, "timeoutSeconds": 10},
        "livenessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 10, "timeoutSeconds": 10},
        # The proxies hear of a pod's end a moment after the pod does.
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "securityContext": {"runAsUser": 65532, "runAsNonRoot": True},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }
    return {
        "metadata": {"labels": _LABELS},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 40, "enableServiceLinks": False},
    }


def _front(host: str, route: str) -> Object:
    if route == "httpRoute":
        rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
        spec: Object = {"parentRefs": [GATEWAY], "hostnames": [host], "rules": rules}
        return {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.kind} | {
            "metadata": {"name": "front"},
            "spec": spec,
        }
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec = {"rules": [{"host": host, "http": {"paths": paths}}]}
    return {"apiVersion": INGRESS.api_version, "kind": INGRESS.kind, "metadata": {"name": "front"}, "spec": spec}
