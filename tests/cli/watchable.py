"""The emulated API server with watches, one that can go away, and a namespace with two apps to look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import emulated
from emulated import Emulated

from rainbow.adapters.kube import Forbidden, Kind, Object
from rainbow.adapters.records import note, read_release
from rainbow.errors import TemporaryError
from rainbow.model.names import release_labels
from rainbow.model.release import ReleaseSpec, new_record
from tests.decisions.make import app

TURN = 0.2  # seconds of a watch, whatever is asked for


@dataclass
class Network:
    """What lies between: `away`: nobody answers; `forbidden`: a part of paths that nobody may ask for."""

    away: bool = False
    forbidden: str = "nothing is"


@dataclass
class Watchable(Emulated):
    """Copies of it share the network, as connections to one cluster do."""

    attempts: int = 1
    network: Network = field(default_factory=Network)

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if self.network.away:
            raise TemporaryError("connection refused")
        if self.network.forbidden in path:
            raise Forbidden(f"{path} is forbidden")
        return super()._once(method, path, query, body, content_type)

    def watch(
        self, kind: Kind, namespace: str | None, seconds: int, since: str | None = None, *, labels: str | None = None
    ) -> Iterator[tuple[str, Object]]:
        """What changes for a moment."""
        until, known = time.monotonic() + TURN, dict[str, Object]()
        begun = int(since or 0)
        while time.monotonic() < until:
            found = {obj["metadata"]["uid"]: obj for obj in self.list(kind, namespace, labels=labels)}
            for uid, obj in found.items():
                before = known.get(uid, {}).get("metadata", {}).get("resourceVersion", begun)
                if int(obj["metadata"]["resourceVersion"]) > int(before):
                    yield "MODIFIED" if uid in known else "ADDED", obj
            for uid in set(known) - set(found):
                yield "DELETED", known[uid]
            known = found
            time.sleep(0.01)

    def released(self, name: str, of: str = "spawn", namespace: str = "spawn", **status: Any) -> None:
        """A record, its Service, and its status."""
        self.create(new_record(ReleaseSpec(release=name, app=app(app=of, namespace=namespace), manifests=""), "ann"))
        self.noted(name, of, namespace, **status)
        meta = {"name": f"web-{name}", "namespace": namespace, "labels": release_labels(of, name)}
        if ("services", namespace, f"web-{name}") not in self.store.objects:
            self.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})

    def noted(self, name: str, of: str = "spawn", namespace: str = "spawn", **status: Any) -> None:
        """Write into its status."""
        note(self, read_release(self, namespace, of, name), **status)

    def at_work(self, name: str, step: str, phase: str = "Running", **more: Any) -> None:
        """Its workflow has this node."""
        node = {"id": step, "displayName": step, "type": "Retry", "phase": phase, "startedAt": "2026-05-04T12:00:00Z"}
        meta = {"name": f"release-spawn-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
        spec = {"workflowTemplateRef": {"name": "release"}}
        status = {"phase": "Running", "nodes": {step: node | more}}
        kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
        key = ("workflows", "spawn", f"release-spawn-{name}")
        self.store.put(key, kind | {"metadata": meta, "spec": spec, "status": status})


def served() -> Watchable:
    """An empty one that knows workflows."""
    emulated.KINDS.setdefault("workflows", ("argoproj.io/v1alpha1", "Workflow"))
    return Watchable(None)
