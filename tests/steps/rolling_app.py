"""An emulated app that is rolled, with the controller of its Deployments: pods of the release, ready or never."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from emulated import Emulated, Key, StoppedClock, Store

from rainbow.adapters import kustomize
from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.kube import Object
from rainbow.adapters.proxy import Answer, Proxy
from rainbow.adapters.records import read_release
from rainbow.adapters.rolling import read_rolled
from rainbow.adapters.world import World
from rainbow.decisions.rendering import Overlay
from rainbow.decisions.rolling import ROLLED_TO
from rainbow.model.release import Release, ReleaseSpec, new_record
from steps import deploy, load
from tests.decisions.make import app as plain_app

SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}


def deployment(name: str) -> Object:
    """A Deployment of the base."""
    labels = {"part": name}
    pod = {"containers": [{"name": name, "image": "shop:1", "envFrom": [{"configMapRef": {"name": "settings"}}]}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str) -> Object:
    """Its Service."""
    spec = {"selector": {"part": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def ingress() -> Object:
    """The object in front."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "spawn"}}
    return head | {"spec": {"rules": [rule]}}


_RENDERED: dict[str, str] = {}
BASE = (deployment("web"), deployment("mail"), service("web"), service("mail"), SETTINGS, ingress())


@dataclass
class RollingApp:
    """Its cluster. `broken`: releases whose pods never become ready."""

    store: Store = field(default_factory=Store, repr=False)
    clock: StoppedClock = field(default_factory=StoppedClock)
    broken: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    kept: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)  # what there was after some releases
    config: dict[str, Any] = field(default_factory=lambda: {"strategy": "rolling"})

    def __post_init__(self) -> None:
        self.kube = Emulated(None, attempts=1, store=self.store)
        self.store.seen = self._reconcile

    def submit(self, name: str, base: tuple[Object, ...] = BASE, **config: Any) -> None:
        """The record of a release."""
        route = {"ingress": {"name": "spawn", "url": "http://proxy"}, "timeout": "1s"}
        given = {"readyTimeout": "2s", "retention": {"minimumAge": "0s", "failedAge": "0s"}, "route": route}
        described = plain_app(**(given | self.config | config))
        manifests = "\n---\n".join(json.dumps(obj) for obj in base)
        self.kube.create(new_record(ReleaseSpec(release=name, app=described, manifests=manifests)))

    def run(
        self, step: str, release: str | None, called: Callable[[str, str], None] = lambda *_: None, **more: Any
    ) -> None:
        """A step, as the workflow of the release runs it."""
        module = load(step)
        fields = module.Params.model_fields
        given = {"namespace": "spawn", "app": "spawn", "release": release} | more
        known = {key: value for key, value in given.items() if key in fields and value is not None}
        kube = Emulated(None, attempts=1, store=self.store, called=called)
        module.run(module.Params(**known), World(kube, clock=self.clock, say=self.said.append, run=f"run-{release}"))

    def release(self, name: str) -> None:
        """From its record to being current."""
        self.submit(name)
        for step in ("roll", "run-tests", "check-compatibility", "switch"):
            self.run(step, name)

    def record(self, name: str) -> Release:
        """The record as it is now."""
        return read_release(self.kube, "spawn", "spawn", name)

    @property
    def at(self) -> tuple[str, bool] | None:
        """The release that the app is at, and whether it is all there."""
        found = read_rolled(self.kube, "spawn", "spawn")
        return (found.release, found.settled) if found else None

    def objects(self) -> dict[Key, Object]:
        """All that the releases of the app consist of."""
        kinds = ("deployments", "services", "configmaps", "ingresses")
        return {key: obj for key, obj in self.store.objects.items() if key[0] in kinds}

    def _reconcile(self) -> None:
        for key, obj in list(self.store.objects.items()):
            if key[0] == "deployments" and "template" in obj["spec"]:
                self._roll_out(obj)

    def _roll_out(self, obj: Object) -> None:
        template = json.dumps(obj["spec"]["template"], sort_keys=True)
        status = obj.get("status") or {}
        if status.get("template") == template:
            return
        meta = obj["metadata"]
        meta["generation"] = meta.get("generation", 0) + 1
        release = ((obj["spec"]["template"]["metadata"].get("annotations")) or {}).get(ROLLED_TO)
        stuck = release in self.broken
        counts = {"replicas": 2 if stuck else 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
        obj["status"] = {"observedGeneration": meta["generation"], "template": template, **counts}
        self.store.version += 1
        meta["resourceVersion"] = str(self.store.version)


def world_of_rolls(monkeypatch: pytest.MonkeyPatch, app: RollingApp) -> None:
    """The proxy answers from where the app is; kustomize is asked once for each release, whichever test it is in."""

    def render(layer: Overlay) -> list[Object]:
        key = json.dumps([layer.resources, layer.kustomization])
        if key not in _RENDERED:
            _RENDERED[key] = json.dumps(kustomize.render(layer))
        found: list[Object] = json.loads(_RENDERED[key])
        return found

    def ask(self: Proxy, _host: str, _path: str) -> Answer:
        return Answer(self.clock.monotonic(), 200, app.at[0] if app.at else None)

    monkeypatch.setattr(deploy, "render", render)
    monkeypatch.setattr(Proxy, "ask", ask)
    monkeypatch.setattr(DrainWatch, "_observe", lambda _self, _releases: {})  # what is rolled is asked nothing
