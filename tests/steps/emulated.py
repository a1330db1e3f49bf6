"""An API server and a proxy small enough to run a step a thousand times, and to stop the world at any of its writes.

Objects, patches with preconditions and label selectors are as Kubernetes has them; nothing reconciles anything. That
the real ones behave like this is shown on the cluster.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rainbow.adapters.kube import APPLY_PATCH, JSON_PATCH, Kube, NotThere, Object
from rainbow.adapters.proxy import Answer
from rainbow.adapters.world import Clock
from rainbow.errors import Conflict, PermanentError

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KINDS = {
    "releases": ("rainbow.dev/v1alpha1", "Release"),
    "ingresses": ("networking.k8s.io/v1", "Ingress"),
    "services": ("v1", "Service"),
    "configmaps": ("v1", "ConfigMap"),
    "pods": ("v1", "Pod"),
    "deployments": ("apps/v1", "Deployment"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "workflows": ("argoproj.io/v1alpha1", "Workflow"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
}


class Killed(BaseException):
    """kill -9: nothing after it does anything any more."""


@dataclass
class Store:
    """What the API server keeps: (plural, namespace, name) → object."""

    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    version: int = 100
    seen: Callable[[], None] = lambda: None  # called after every write

    def put(self, key: tuple[str, str, str], obj: Object) -> Object:
        """Write it as the next version."""
        self.version += 1
        meta = obj["metadata"]
        meta["resourceVersion"] = str(self.version)
        meta.setdefault("uid", f"uid-{self.version}")
        # Later versions are created later, a second apart.
        meta.setdefault("creationTimestamp", (START + timedelta(seconds=self.version)).isoformat())
        self.objects[key] = obj
        self.seen()
        return obj


@dataclass
class Emulated(Kube):
    """`Kube` with the store in place of the network. `around` is called before and after every write."""

    store: Store = field(default_factory=Store)
    around: Callable[[str], None] = lambda _when: None
    dead: bool = False

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if method != "GET":
            self._around("before")
        if self.dead:
            raise Killed
        answer = self._answer(method, path, query, copy.deepcopy(body), content_type)
        if method != "GET":
            self._around("after")
        return json.dumps(answer)

    def _around(self, when: str) -> None:
        if self.dead:
            raise Killed
        try:
            self.around(when)
        except Killed:
            self.dead = True
            raise

    def _answer(self, method: str, path: str, query: Object, body: Any, content_type: str) -> Object:
        if "/namespaces/" not in path:
            return _discover(path)
        namespace, plural, *rest = path.split("/namespaces/")[1].split("/")
        if method == "POST":
            key = (plural, namespace, body["metadata"]["name"])
            if key in self.store.objects:
                raise Conflict(f"{key} exists")
            return self.store.put(key, body)
        if not rest:
            wanted = query.get("labelSelector") or ""
            return {
                "items": [o for k, o in self.store.objects.items() if k[:2] == (plural, namespace) and _has(o, wanted)]
            }
        key = (plural, namespace, rest[0])
        if content_type == APPLY_PATCH:
            return self._apply(key, body)
        if key not in self.store.objects:
            raise NotThere(str(key))
        found = self.store.objects[key]
        if method in ("GET", "DELETE"):
            return found if method == "GET" else self._delete(key, body.get("preconditions", {}).get("uid"))
        patched = _json_patch(found, body) if content_type == JSON_PATCH else _merge(found, body)
        if patched["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            raise Conflict(f"{key} has been modified")
        return self.store.put(key, patched)

    def _apply(self, key: tuple[str, str, str], body: Object) -> Object:
        uid, found = body["metadata"].get("uid"), self.store.objects.get(key)
        if uid and found is None:
            raise Conflict(f"{key} is gone: uid mismatch")
        if uid and found and uid != found["metadata"]["uid"]:
            raise PermanentError(f"{key}: metadata.uid: field is immutable")
        return self.store.put(key, _merge(found or {}, body))

    def _delete(self, key: tuple[str, str, str], uid: str | None) -> Object:
        if uid and uid != self.store.objects[key]["metadata"]["uid"]:
            raise Conflict(f"{key} is another one")
        del self.store.objects[key]
        self.store.seen()
        return {}


def _discover(path: str) -> Object:
    version = path.split("/", 2)[2]
    known = {p: kind for p, (v, kind) in KINDS.items() if v == version}
    if not known:
        raise NotThere(path)
    return {"resources": [{"name": p, "kind": kind, "namespaced": True} for p, kind in known.items()]}


def _has(obj: Object, selector: str) -> bool:
    labels = obj["metadata"].get("labels") or {}
    for part in filter(None, re.split(r",(?![^(]*\))", selector)):
        if many := re.fullmatch(r"(\S+) in \((.*)\)", part):
            if labels.get(many[1]) not in many[2].split(","):
                return False
            continue
        if "!=" in part:
            name, _, value = part.partition("!=")
            if labels.get(name) == value:
                return False
            continue
        name, equals, value = part.removeprefix("!").partition("=")
        if part.startswith("!") == (labels.get(name) == value if equals else name in labels):
            return False
    return True


def _merge(old: Any, new: Any) -> Any:
    if not isinstance(new, dict):
        return new
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return copy.deepcopy(merged)


def _json_patch(old: Object, operations: list[Object]) -> Object:
    patched = copy.deepcopy(old)
    for operation in operations:
        *way, last = [part.replace("~1", "/") for part in operation["path"].split("/")[1:]]
        at: Any = patched
        for part in way:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if operation["op"] == "remove":
            del at[last]
        elif operation["op"] != "test":
            at[last] = operation["value"]
        elif at[last] != operation["value"]:
            raise Conflict(f"{operation['path']} is {at[last]}")
    return patched


class StoppedClock(Clock):
    """Sleeping takes no time, and time passes by being asked for."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        """A moment later each time."""
        self.passed += 0.001
        return START + timedelta(hours=1, seconds=self.passed)

    def monotonic(self) -> float:
        """The same time in seconds."""
        self.passed += 0.001
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Later at once."""
        self.passed += seconds


def answer(store: Store, host: str, clock: Clock) -> Answer:
    """What the proxy answers: the release behind the Ingress that has the host at this very moment."""
    release = _routed(store, host)
    return Answer(clock.monotonic(), 200 if release else 404, release)


def _routed(store: Store, host: str) -> str | None:
    for (plural, namespace, _), obj in list(store.objects.items()):
        for rule in obj["spec"].get("rules", []) if plural == "ingresses" else []:
            if rule["host"] == host:
                service = rule["http"]["paths"][0]["backend"]["service"]["name"]
                labels = store.objects["services", namespace, service]["metadata"]["labels"]
                release: str = labels["rainbow.dev/release"]
                return release
    return None


def point_route(kube: Emulated, service: str) -> None:
    """Create the app's Ingress, pointing at this Service."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": "spawn", "namespace": "spawn"}
    kube.create({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"rules": [rule]}})
