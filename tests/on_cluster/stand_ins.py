"""An app `shop` with a score of releases in one pod: each answers on a port of its own with its X-Release.

Tests of the route need many releases and no waiting for pods; what a release's own pods do is not their subject. So
one pod serves all tests of a session, and the Services of each release lead to its address.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol

from tiny import SHARE

from rainbow.adapters.kube import ENDPOINT_SLICE, INGRESS, POD, RELEASE, SERVICE, Kind, Kube, Object
from rainbow.adapters.records import list_releases, note, read_release
from rainbow.model.app import AppConfig
from rainbow.model.names import object_name, record_name, release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record

IMAGE = "registry.platform.svc.cluster.local:5000/rainbow/base:bookworm"
APP = "shop"
COUNT = 20

_SERVER = f"""
import http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-Release", f"v{{self.server.server_port - 8000}}")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
for n in range(1, {COUNT} + 1):
    server = http.server.ThreadingHTTPServer(("", 8000 + n), Handler)
    threading.Thread(target=server.serve_forever).start()
"""


@dataclass(frozen=True)
class Shop:
    """The app in a namespace that the test made. `proxy` is host:port of the proxy on this machine."""

    kube: Kube
    namespace: str
    proxy: str
    pod: str  # address of the pod behind all releases
    timeout: str = "15s"
    url: str | None = None  # of the proxy in rainbow.yaml; by default as it is seen from this machine

    @property
    def host(self) -> str:
        """The host of its users."""
        return f"{self.namespace}.localhost"

    @property
    def config(self) -> AppConfig:
        """rainbow.yaml; tests run outside the cluster, so the proxy is where they see it."""
        ingress = {"name": APP, "url": self.url or f"http://{self.proxy}"}
        prometheus = {"url": "http://prometheus", "query": 'sum(tasks{release="$release"})'}
        return AppConfig.model_validate(
            {
                "app": APP,
                "namespace": self.namespace,
                "manifests": {"kustomize": "deploy"},
                "route": {"ingress": ingress, "timeout": self.timeout},
                "drain": {"prometheus": prometheus},
            }
        )

    def release(
        self,
        name: str,
        *,
        phase: Phase = Phase.READY,
        service: bool = True,
        paths: Sequence[str] = ("/",),
        base: Object | None = None,
        **status: Any,
    ) -> Release:
        """A release as `deploy` and `run-tests` leave it: a record and a Service."""
        self._next_second()
        base = base or self.base_ingress(paths=paths)
        spec = ReleaseSpec(release=name, app=self.config, manifests=json.dumps(base))
        self.kube.create(new_record(spec))
        if service:
            self.service(name)
        return note(self.kube, self.record(name), phase=phase, **status)

    def _next_second(self) -> None:
        """Creation times have whole seconds, and of two releases of one second neither is newer."""
        records = list_releases(self.kube, self.namespace, APP)
        while records and time.time() < records[-1].created.timestamp() + 1.1:
            time.sleep(0.05)

    def service(self, release: str, *, port: int | None = None) -> None:
        """The Service of a release, leading to its port of the pod."""
        number = port or 8000 + int(release.removeprefix("v"))
        self.put_service(object_name("web", release), number, release_labels(APP, release))

    def put_service(self, name: str, port: int, labels: dict[str, str]) -> None:
        """A Service without selector: its endpoint is given."""
        meta = {"name": name, "namespace": self.namespace}
        ports = {"ports": [{"port": 80, "targetPort": port}]}
        head = {"apiVersion": SERVICE.api_version, "kind": SERVICE.kind}
        self.kube.create(head | {"metadata": meta | {"labels": labels}, "spec": ports})
        self.kube.create(
            {
                "apiVersion": ENDPOINT_SLICE.api_version,
                "kind": ENDPOINT_SLICE.kind,
                "metadata": meta | {"labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "ports": [{"port": port}],
                "endpoints": [{"addresses": [self.pod], "conditions": {"ready": True}}],
            }
        )

    def base_ingress(self, service: str = "web", name: str = APP, paths: Sequence[str] = ("/",)) -> Object:
        """The Ingress as the base has it."""
        backend = {"service": {"name": service, "port": {"number": 80}}}
        listed = [{"path": path, "pathType": "Prefix", "backend": backend} for path in paths]
        return {
            "apiVersion": INGRESS.api_version,
            "kind": INGRESS.kind,
            "metadata": {"name": name},
            "spec": {"rules": [{"host": self.host, "http": {"paths": listed}}]},
        }

    def put_ingress(self, service: str, name: str = APP) -> Object:
        """An Ingress that somebody made by hand."""
        ingress = self.base_ingress(service, name)
        ingress["metadata"]["namespace"] = self.namespace
        return self.kube.create(ingress)

    def record(self, name: str) -> Release:
        """The record of a release."""
        return read_release(self.kube, self.namespace, APP, name)

    def note(self, name: str, **changes: Any) -> None:
        """Somebody writes on the record of a release."""
        note(self.kube, self.record(name), **changes)

    def backend(self) -> str | None:
        """The Service that the route leads to; None when there is no route."""
        ingress = self.kube.get(INGRESS, self.namespace, APP)
        if ingress is None:
            return None
        name: str = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
        return name

    def forget(self, name: str) -> None:
        """Take the record away, as only a person could."""
        self.kube.delete(RELEASE, self.namespace, record_name(APP, name))


def start_pod(kube: Kube, namespace: str) -> str:
    """Start the pod behind all releases and return its address when it is ready."""
    probe = {"tcpSocket": {"port": 8000 + COUNT}, "periodSeconds": 1}
    container = {"name": "server", "image": IMAGE, "command": ["python3", "-c", _SERVER], "readinessProbe": probe}
    container |= {"resources": SHARE}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False}
    meta = {"name": "stand-in", "namespace": namespace}
    # A fresh namespace has no pods before its ServiceAccount is there.
    _until("the ServiceAccount", lambda: kube.get(Kind("v1", "ServiceAccount"), namespace, "default"))
    kube.create({"apiVersion": POD.api_version, "kind": POD.kind, "metadata": meta, "spec": spec})
    _until("the pod of the stand-ins", lambda: _ready(kube.get(POD, namespace, "stand-in")))
    pod = kube.get(POD, namespace, "stand-in")
    assert pod is not None
    return str(pod["status"]["podIP"])


def _ready(pod: Object | None) -> bool:
    conditions = (pod or {}).get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _until(what: str, check: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not check():
        assert time.monotonic() < deadline, f"did not come: {what}"
        time.sleep(0.3)


# --- its users ----------------------------------------------------------------------------------------------


@dataclass
class Load:
    """What the users of the route saw while it ran."""

    answers: list[tuple[float, int, str | None]] = field(default_factory=list)  # when, status, release
    broken: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[Any]:
        """Everything that was no success."""
        return [*self.broken, *(a for a in self.answers if a[1] != 200 or a[2] is None)]

    def order(self) -> list[str]:
        """The releases in the order in which each first answered."""
        return list(dict.fromkeys(release or "?" for _, _, release in sorted(self.answers, key=lambda a: a[0])))


class Front(Protocol):
    """Where users ask: host:port of the proxy, and the host of the app."""

    @property
    def proxy(self) -> str:
        """Where to connect to."""

    @property
    def host(self) -> str:
        """What to ask for."""


@contextmanager
def users(shop: Front, *, seconds: float = 60, pause: float = 0.004) -> Iterator[Load]:
    """Three users with kept connections and one who opens a new one each time; at most so many seconds."""
    load, stop = Load(), threading.Event()
    deadline = time.monotonic() + seconds
    threads = [threading.Thread(target=_user, args=(shop, load, stop, deadline, n < 3, pause)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _user(shop: Front, load: Load, stop: threading.Event, deadline: float, kept: bool, pause: float) -> None:
    connection = HTTPConnection(shop.proxy, timeout=10)
    while not stop.is_set() and time.monotonic() < deadline:
        try:
            connection.request("GET", "/", headers={"Host": shop.host})
            response = connection.getresponse()
            response.read()
            load.answers.append((time.monotonic(), response.status, response.getheader("X-Release")))
        except (OSError, HTTPException) as error:
            load.broken.append(f"{datetime.now(UTC).isoformat()} {type(error).__name__}: {error}")
            connection.close()
        if not kept:
            connection.close()
        time.sleep(pause)
    connection.close()
