"""Emulated apps with releases in any state: each with a Service, a Deployment, a route of its own and a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from emulated import START, Emulated, StoppedClock, Store

from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.kube import DEPLOYMENT, INGRESS, Object
from rainbow.adapters.records import note, read_release
from rainbow.adapters.routes.release_routes import open_release_routes
from rainbow.adapters.world import World
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.model.app import AppConfig
from rainbow.model.names import object_name, release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from tests.decisions.make import app as plain_app

HOUR = timedelta(hours=1)
IDLE = DrainDecision(DrainState.DRAINED, "0", ("no active task in 3 samples in a row",))
BUSY = DrainDecision(DrainState.WORKING, "1", ("1 active task",))
UNKNOWN = DrainDecision(DrainState.UNKNOWN, "unknown", ("active tasks unknown: no answer",))
# In the emulated world everything is made in the first minutes of an hour, and looked at in its last.
RETENTION = {"minimumAge": "10m", "failedAge": "10m"}
DRAINED: dict[str, Any] = {"phase": Phase.DRAINED, "live_at": START - 3 * HOUR, "demoted_at": START, "traffic": "-"}
CURRENT: dict[str, Any] = {"phase": Phase.CURRENT, "live_at": START, "traffic": "100%"}
FAILED: dict[str, Any] = {"phase": Phase.FAILED, "failed_at": START - 9 * HOUR}


def _route(name: str, service: str) -> Object:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"host": name, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"rules": [rule]},
    }


@dataclass
class Shops:
    """The emulated cluster."""

    kube: Emulated = field(default_factory=lambda: Emulated(None, attempts=1, store=Store()))
    said: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """What its API server keeps."""
        return self.kube.store

    def world(self, kube: Emulated | None = None) -> World:
        """What a step gets."""
        return World(kube or self.kube, clock=StoppedClock(), say=self.said.append)

    def config(self, app: str, **changes: Any) -> AppConfig:
        """rainbow.yaml of an app whose route is an Ingress of the same name."""
        route = {"ingress": {"name": app, "url": "http://proxy"}}
        given = {"retention": RETENTION, "app": app, "namespace": "spawn", "route": route} | changes
        return plain_app(**given)

    def release(self, name: str, app: str = "spawn", *, config: AppConfig | None = None, **status: Any) -> Release:
        """A release with all that belongs to one."""
        config = config or self.config(app)
        base = json.dumps(_route(app, "web" if app == "spawn" else f"{app}-web"))
        self.kube.create(new_record(ReleaseSpec(release=name, app=config, manifests=base)))
        note(self.kube, self.record(name, app, config.namespace), **status)
        self.objects(name, app, config.namespace)
        record = self.record(name, app, config.namespace)
        open_release_routes(self.kube, record)
        return record

    def objects(self, name: str, app: str = "spawn", namespace: str = "spawn") -> None:
        """A Service and a Deployment of a release."""
        for version, kind, base in (("v1", "Service", "web"), ("apps/v1", "Deployment", "work")):
            title = object_name(f"{app}-{base}" if app != "spawn" else base, name)
            meta = {"name": title, "namespace": namespace, "labels": release_labels(app, name)}
            self.kube.create({"apiVersion": version, "kind": kind, "metadata": meta, "spec": {}})

    def point(self, name: str, app: str = "spawn", namespace: str = "spawn") -> None:
        """The app's route leads to this release."""
        base = f"{app}-web" if app != "spawn" else "web"
        route = _route(app, object_name(base, name))
        route["metadata"]["namespace"] = namespace
        self.kube.apply(route)

    def record(self, name: str, app: str = "spawn", namespace: str = "spawn") -> Release:
        """The record as it is now."""
        return read_release(self.kube, namespace, app, name)

    def works(self, name: str, app: str = "spawn", namespace: str = "spawn") -> bool:
        """Whether its Deployment is there."""
        base = f"{app}-work" if app != "spawn" else "work"
        return self.kube.get(DEPLOYMENT, namespace, object_name(base, name)) is not None

    def open(self, name: str, app: str = "spawn") -> bool:
        """Whether its own route is there."""
        return self.kube.get(INGRESS, "spawn", f"{app}-{name}-preview") is not None


def looks(monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]) -> None:
    """What looks at a release's tasks give: a decision, a function, or idle when nothing is said."""

    def look(_self: DrainWatch, releases: Sequence[Release]) -> dict[str, DrainDecision]:
        given = {r.id: told.get(r.id, IDLE) for r in releases}
        return {name: found() if callable(found) else found for name, found in given.items()}

    monkeypatch.setattr(DrainWatch, "look", look)
