"""An API server and a proxy small enough to run a step a thousand times, and to stop the world at any of its calls.

Objects, patches with preconditions and label selectors are as Kubernetes has them; nothing reconciles anything. That
the real ones behave like this is shown on the cluster.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from api_semantics import KINDS, Place, discover, has_fields, has_labels, json_patch, merge, parse

from rainbow.adapters.kube import APPLY_PATCH, JSON_PATCH, Kind, Kube, NotThere, Object
from rainbow.adapters.proxy import Answer
from rainbow.adapters.world import Clock
from rainbow.errors import Conflict, PermanentError

__all__ = ["KINDS", "START", "Emulated", "Killed", "StoppedClock", "Store", "answer", "point_route"]

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
Key = tuple[str, str, str]  # plural, namespace, name


class Killed(BaseException):
    """kill -9: nothing after it does anything any more."""


@dataclass
class Store:
    """What the API server keeps.

    `guard` is called before every write with what is there and what is to be (None: nothing), `seen` after it. With a
    `clock`, objects are dated by it; else later versions are later, a second apart. `past` holds what was there after
    each of the last writes, for as many as `remember` says.
    """

    objects: dict[Key, Object] = field(default_factory=dict)
    version: int = 100
    seen: Callable[[], None] = lambda: None
    guard: Callable[[Key, Object | None, Object | None], None] = lambda _key, _old, _new: None
    clock: Callable[[], datetime] | None = None
    remember: int = 0
    past: deque[Mapping[Key, Object]] = field(default_factory=deque)

    def put(self, key: Key, obj: Object, *, subresource: str | None = None) -> Object:
        """Write it as the next version."""
        self.guard(key, self.objects.get(key), obj)
        self.version += 1
        meta = obj["metadata"]
        meta["resourceVersion"] = str(self.version)
        meta.setdefault("uid", f"uid-{self.version}")
        meta.setdefault("creationTimestamp", self._date())
        if subresource and self.clock is not None:
            meta["managedFields"] = [{"manager": "rainbow", "subresource": subresource, "time": self._date()}]
        self._write(key, obj)
        return obj

    def remove(self, key: Key) -> None:
        """It is gone."""
        self.guard(key, self.objects[key], None)
        self.version += 1
        self._write(key, None)

    def of_kind(self, plural: str) -> Iterable[tuple[Key, Object]]:
        """All objects of a kind, by their keys."""
        return [(key, obj) for key, obj in self.objects.items() if key[0] == plural]

    def _write(self, key: Key, obj: Object | None) -> None:
        if self.remember:
            self.past.append(dict(self.objects))
            while len(self.past) > self.remember:
                self.past.popleft()
        if obj is None:
            del self.objects[key]
        else:
            self.objects[key] = obj
        self.seen()

    def _date(self) -> str:
        if self.clock is None:
            return (START + timedelta(seconds=self.version)).isoformat()
        return self.clock().replace(microsecond=0).isoformat()  # the API server writes whole seconds


@dataclass
class Emulated(Kube):
    """`Kube` with the store in place of the network.

    `around` is called before and after every write, `called` before every request, reads included. Lists show what
    was there `lag` writes ago, as one that is answered from a cache may.
    """

    store: Store = field(default_factory=Store)
    around: Callable[[str], None] = lambda _when: None
    called: Callable[[str, str], None] = lambda _method, _path: None
    lag: int = 0
    dead: bool = False
    _paths: dict[tuple[Kind, str | None, str | None], str] = field(default_factory=dict)

    def path(self, kind: Kind, namespace: str | None, name: str | None = None) -> str:
        """Worked out once: what the API server has does not change."""
        asked = (kind, namespace, name)
        if asked not in self._paths:
            self._paths[asked] = super().path(kind, namespace, name)
        return self._paths[asked]

    def request(self, method: str, path: str, **options: Any) -> str:
        """At the first go, when nothing is to be tried again."""
        if self.attempts > 1:
            return super().request(method, path, **options)
        content_type = options.get("content_type", "application/json")
        return self._once(method, path, options.get("query") or {}, options.get("body"), content_type)

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        answer = self._hooked(method, path, query, body, content_type)
        return answer if isinstance(answer, str) else json.dumps(answer)

    def _hooked(self, method: str, path: str, query: Object, body: Any, content_type: str) -> Object | str:
        self._hook(self.called, method, path)
        if method == "GET":
            return self._answer(method, path, query, body, content_type)
        self._hook(self.around, "before")
        # As text it went over the network: what comes out is the server's own.
        answer = self._answer(method, path, query, json.loads(json.dumps(body)), content_type)
        self._hook(self.around, "after")
        return answer

    def _hook(self, hook: Callable[..., None], *arguments: str) -> None:
        if self.dead:
            raise Killed
        try:
            hook(*arguments)
        except Killed:
            self.dead = True
            raise

    def _answer(self, method: str, path: str, query: Object, body: Any, content_type: str) -> Object | str:
        place = parse(path)
        if place is None:
            return discover(path)
        if method == "POST":
            return self._create(place, body)
        if place.name is None:
            return self._list(place, query)
        key = (place.plural, place.namespace or "", place.name)  # without a namespace, of the whole cluster
        if content_type == APPLY_PATCH:
            return self._apply(key, body)
        return self._named(method, key, place.subresource, body, content_type)

    def _named(self, method: str, key: Key, subresource: str | None, body: Any, content_type: str) -> Object | str:
        if key not in self.store.objects:
            raise NotThere(str(key))
        if method == "DELETE":
            return self._delete(key, body.get("preconditions", {}))
        if method == "PATCH":
            return self._patch(key, body, content_type, subresource)
        return self._get(key, subresource)

    def _get(self, key: Key, subresource: str | None) -> Object | str:
        if subresource == "log":
            return ""
        return _scale(self.store.objects[key]) if subresource == "scale" else self.store.objects[key]

    def _create(self, place: Place, body: Object) -> Object:
        meta = body["metadata"]
        if "name" not in meta:
            meta["name"] = f"{meta['generateName']}{self.store.version}"
        key = (place.plural, place.namespace or "", meta["name"])
        if key in self.store.objects:
            raise Conflict(f"{key} exists")
        return self.store.put(key, body)

    def _list(self, place: Place, query: Object) -> Object:
        labels, fields = query.get("labelSelector") or "", query.get("fieldSelector") or ""
        found: Iterable[tuple[Key, Object]] = self.store.of_kind(place.plural)
        if self.lag and self.store.past:
            past = self.store.past[-min(self.lag, len(self.store.past))]
            found = ((k, o) for k, o in past.items() if k[0] == place.plural)
        here = [o for k, o in found if place.namespace in (None, k[1])]
        return {"items": [o for o in here if has_labels(o, labels) and has_fields(o, fields)]}

    def _apply(self, key: Key, body: Object) -> Object:
        uid, found = body["metadata"].get("uid"), self.store.objects.get(key)
        if uid and found is None:
            raise Conflict(f"{key} is gone: uid mismatch")
        if uid and found and uid != found["metadata"]["uid"]:
            raise PermanentError(f"{key}: metadata.uid: field is immutable")
        version = body["metadata"].get("resourceVersion")
        if version and found and version != found["metadata"]["resourceVersion"]:
            raise Conflict(f"{key} has been modified")
        return self.store.put(key, merge(found or {}, body))

    def _patch(self, key: Key, body: Any, content_type: str, subresource: str | None) -> Object:
        found = self.store.objects[key]
        seen = _scale(found) if subresource == "scale" else found
        patched: Object = json_patch(seen, body) if content_type == JSON_PATCH else merge(seen, body)
        if patched["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            raise Conflict(f"{key} has been modified")
        if subresource == "scale":
            patched = merge(found, {"spec": patched["spec"]})
        return self.store.put(key, patched | {"metadata": dict(patched["metadata"])}, subresource=subresource)

    def _delete(self, key: Key, preconditions: Object) -> Object:
        meta = self.store.objects[key]["metadata"]
        for name, value in preconditions.items():
            if value != meta[name]:
                raise Conflict(f"{key} is another one, or changed: {name}")
        self.store.remove(key)
        return {}


def _scale(obj: Object) -> Object:
    """The subresource `scale` of a workload."""
    meta = {key: obj["metadata"].get(key) for key in ("name", "namespace", "resourceVersion", "uid")}
    return {"metadata": meta, "spec": {"replicas": obj["spec"].get("replicas", 1)}, "status": obj.get("status") or {}}


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
