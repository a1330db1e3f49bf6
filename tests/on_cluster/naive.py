"""Rollouts as people do them who have not read on: plain objects, applied over what runs. A probe has to catch each."""

from __future__ import annotations

import copy
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tiny import IMAGE

from bench.probed_app import base
from rainbow.adapters.kube import DEPLOYMENT, INGRESS, SERVICE, Kube, Object

# Listens only after a while, takes its time for an answer, and ends at once when it is told to.
SERVER = """
import http.server, os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
time.sleep(float(os.environ["START"]))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(float(os.environ["TAKES"]))
        self.send_response(200)
        self.send_header("X-Release", os.environ["RELEASE_ID"])
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Naive:
    """One app in the test's namespace, with a host of its own, that goes from v1 to v2."""

    kube: Kube
    namespace: str
    name: str
    start: float = 0
    takes: float = 0
    ready: bool = True  # whether it is asked for its readiness
    recreate: bool = False
    mindful: bool = False  # the app of the bench, which has all that it needs

    @property
    def host(self) -> str:
        """The host of its users."""
        return f"{self.name}.{self.namespace}.localhost"

    def begin(self) -> None:
        """As v1, with a route to it."""
        self.deploy("v1")
        labels = {"part": self.name}
        self._apply(SERVICE, self.name, {"selector": labels, "ports": [{"port": 80, "targetPort": 8000}]})
        self.lead_to(self.name)

    def lead_to(self, service: str) -> None:
        """The route."""
        backend = {"service": {"name": service, "port": {"number": 80}}}
        paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
        self._apply(INGRESS, self.name, {"rules": [{"host": self.host, "http": {"paths": paths}}]})

    def deploy(self, release: str) -> None:
        """Over what is there."""
        container = self._container()
        container["env"] = [
            {"name": "RELEASE_ID", "value": release},
            {"name": "START", "value": str(self.start)},
            {"name": "TAKES", "value": str(self.takes)},
        ]
        labels = {"part": self.name}
        pod = {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 20},
        }
        strategy: Object = {"type": "Recreate"}
        if not self.recreate:
            strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "strategy": strategy, "template": pod}
        self._apply(DEPLOYMENT, self.name, spec)

    def _container(self) -> Object:
        if self.mindful:
            whole = base(self.namespace, "ingress")[0]["spec"]["template"]["spec"]["containers"][0]
            container: Object = copy.deepcopy(whole)
            return container
        container = {"name": "web", "image": IMAGE, "command": ["python3", "-c", SERVER]}
        if self.ready:
            container["readinessProbe"] = {"tcpSocket": {"port": 8000}, "periodSeconds": 1, "timeoutSeconds": 10}
        return container

    def _apply(self, kind: Any, name: str, spec: Object) -> None:
        meta = {"name": name, "namespace": self.namespace}
        self.kube.apply({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec})

    def answers(self, proxy: str) -> bool:
        """Whether a user is answered."""
        request = urllib.request.Request(f"http://{proxy}/", headers={"Host": self.host})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def rolled(self, release: str) -> bool:
        """Whether nothing but this release runs, and is ready."""
        found = self.kube.get(DEPLOYMENT, self.namespace, self.name) or {}
        status = found.get("status") or {}
        (env, *_) = found["spec"]["template"]["spec"]["containers"][0]["env"]
        settled = status.get("observedGeneration") == found["metadata"]["generation"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")]
        return settled and env["value"] == release and counts == [1, 1, 1]


def roll(app: Naive) -> None:
    """In place, by the Deployment's own strategy."""
    app.deploy("v2")


def delete_before_the_switch(app: Naive) -> None:
    """The old goes, then users are led to the new, which has been ready for long."""
    app.kube.delete(DEPLOYMENT, app.namespace, app.name)
    app.kube.delete(SERVICE, app.namespace, app.name)
    time.sleep(1)
    app.lead_to(_newer(app).name)


def _newer(app: Naive) -> Naive:
    return replace(app, name=f"{app.name}-new")


@dataclass(frozen=True)
class Control:
    """A way to go from v1 to v2, what of the cluster explains the failures, and whether there are to be any."""

    app: dict[str, Any]
    act: Callable[[Naive], None] = roll
    cause: str | None = None  # begins what stands beside a failure; None: nobody may notice

    def made(self, kube: Kube, namespace: str, name: str) -> list[Naive]:
        """The app, and the one that replaces it where that has another name."""
        app = Naive(kube, namespace, name, **self.app)
        return [app] if self.act is roll else [app, _newer(app)]


CONTROLS = {
    # It starts for longer than a busy cluster takes to say that its container runs: only then are users led to it.
    "unready": Control({"start": 10, "ready": False}, cause="Pod unready-"),
    "abrupt": Control({"takes": 0.3}, cause="Pod abrupt-"),
    "recreated": Control({"start": 0.5, "recreate": True}, cause="Pod recreated-"),
    "deleted": Control({}, delete_before_the_switch, "Service deleted is gone"),
    "mindful": Control({"mindful": True}),
}
