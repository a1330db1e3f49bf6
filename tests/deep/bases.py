"""The app of the state machine: its manifests for each kind of route, its rainbow.yaml, and how it ran before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulated import Key

from rainbow.adapters.kube import Object, identity
from rainbow.model.app import AppConfig
from tests.deep.bus import CONSUMERS, STREAM, SUBJECT
from tests.deep.cluster import NAMESPACE, Living
from tests.deep.metrics import ERRORS, PER_POD, TASKS, TRAFFIC

ROUTES: dict[str, Key] = {
    "ingress": ("ingresses", NAMESPACE, "shop"),
    "service": ("services", NAMESPACE, "web"),
    "httpRoute": ("httproutes", NAMESPACE, "shop"),
}
_ENTRIES = {"ingress": {"name": "shop"}, "service": {"name": "web", "ingress": "shop"}, "httpRoute": {"name": "shop"}}
_ASKING = {"url": "http://prometheus", "query": TASKS, "interval": "5s", "samples": 2, "maxAge": "30s"}
_BUS = {"url": "nats://bus", "stream": STREAM, "consumers": CONSUMERS, "subjects": [SUBJECT]}
_BAKE = {
    "duration": "20s",
    "interval": "5s",
    "traffic": TRAFFIC,
    "watch": [{"name": "errors", "query": ERRORS, "limit": 0.1}],
}


@dataclass(frozen=True)
class App:
    """What differs from one app to the next. `adopted`: it ran before it had releases."""

    route: str = "ingress"
    keep: int = 0
    history: int = 50
    strategy: str = "rainbow"
    maximum_drain_age: str | None = None
    overdue: str = "keep"
    bake: bool = False
    approval: bool = False
    bus: bool = False
    adopted: bool = False

    def possible(self) -> bool:
        """Whether there can be such a one: what has a bus was released ever since; a Service cannot be adopted."""
        return not self.adopted or (self.route == "ingress" and not self.bus)

    @property
    def config(self) -> AppConfig:
        """Its rainbow.yaml, with times of seconds and minutes."""
        retention: dict[str, Any] = {"minimumAge": "1m", "failedAge": "10m", "keep": self.keep, "history": self.history}
        drain: dict[str, Any] = {
            "prometheus": _ASKING,
            "shrink": {"query": PER_POD, "workloads": ["web"], "minimum": 1},
        }
        return AppConfig.model_validate(
            {
                "app": "shop",
                "namespace": NAMESPACE,
                "manifests": {"kustomize": "deploy"},
                "readyTimeout": "2s",
                "strategy": self.strategy,
                "approval": self.approval,
                "route": {self.route: _ENTRIES[self.route] | {"url": "http://proxy"}, "timeout": "1s"},
                "tests": {"image": "tests", "service": "web", "timeout": "10s"},
                "drain": drain | ({"jetstream": _BUS} if self.bus else {}),
                "retention": retention | {"maximumDrainAge": self.maximum_drain_age, "overdue": self.overdue},
                "bake": _BAKE if self.bake else None,
            }
        )

    @property
    def manifests(self) -> str:
        """Its base: one Deployment, its Service and the route."""
        return "\n---\n".join(map(json.dumps, self._base()))

    def _base(self) -> list[Object]:
        container = {"name": "web", "image": "web"}
        pod = {"metadata": {"labels": {"part": "web"}}, "spec": {"containers": [container]}}
        workload = {"replicas": 2, "selector": {"matchLabels": {"part": "web"}}, "template": pod}
        ports = [{"name": "http", "port": 80}]
        front = _http_route() if self.route == "httpRoute" else _ingress()
        return [
            _named("apps/v1", "Deployment", "web", workload),
            _named("v1", "Service", "web", {"selector": {"part": "web"}, "ports": ports}),
            front,
        ]

    def run_plainly(self, store: Living) -> None:
        """As it was applied before anybody released it."""
        for obj in self._base():
            kind, _, name = identity(obj)
            plural = {"Deployment": "deployments", "Service": "services", "Ingress": "ingresses"}[kind.kind]
            store.put((plural, NAMESPACE, name), obj | {"metadata": {"name": name, "namespace": NAMESPACE}})


def _ingress() -> Object:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return _named("networking.k8s.io/v1", "Ingress", "shop", {"rules": [rule]})


def _http_route() -> Object:
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": "web", "port": 80}],
    }
    spec = {"parentRefs": [{"name": "gateway"}], "hostnames": ["shop"], "rules": [rule]}
    return _named("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", spec)


def _named(version: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
