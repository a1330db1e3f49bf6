"""An app `tiny` that can run without any release: its pods answer, count, and are scraped by the cluster's Prometheus.

What they say of themselves is set from outside, so that a test needs neither real load nor real failures.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tiny import APP, IMAGE, SHARE, Tiny

from rainbow.adapters.kube import DEPLOYMENT, INGRESS, POD, Object
from rainbow.adapters.prometheus import Prometheus, fill_in
from rainbow.errors import TemporaryError
from rainbow.model.names import release_selector
from rainbow.model.release import Release
from steps import deploy, run_tests, switch

# Answers everything with its release, if it knows one, and /metrics with what was last written to /set/<name>/<value>.
SERVER = """
import http.server, os, signal, threading, time
values = {"tasks": "0", "requests": "0", "errors": "0"}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path.startswith("/set/"):
            name, value = self.path[5:].split("/")
            values[name] = value
        body = "".join(f"{n} {v}\\n" for n, v in values.items()).encode()
        self.send_response(200)
        if "RELEASE_ID" in os.environ:
            self.send_header("X-Release", os.environ["RELEASE_ID"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
TASKS = 'sum(tasks{namespace="$namespace",app="$app",release="$release"})'


@dataclass
class Plain(Tiny):
    """The app in a namespace of the test's own. `proxy` is host:port of the proxy, `prometheus` its URL, from here."""

    proxy: str = ""
    prometheus: str = ""

    @property
    def host(self) -> str:
        """The host of its users."""
        return f"{self.namespace}.localhost"

    @property
    def url(self) -> str:
        """The proxy as a URL."""
        return f"http://{self.proxy}"

    def described(self, **changes: Any) -> dict[str, Any]:
        """What differs from a plain rainbow.yaml; tests run outside the cluster, so everything is where they see it."""
        asking = {"url": self.prometheus, "query": TASKS, "interval": "1s", "samples": 2, "maxAge": "10s"}
        route = {"ingress": {"name": APP, "url": self.url}, "timeout": "30s"}
        plain = {"route": route, "drain": {"prometheus": asking}, "retention": {"minimumAge": "0s"}}
        return plain | changes

    def base(self, replicas: int = 1) -> list[Object]:
        """A Deployment, its Service, its PodDisruptionBudget and the Ingress, as its owner describes them."""
        labels, name = {"part": "web"}, {"name": "web"}
        # A second is too short on a machine under load: unready pods are ones that users do not reach.
        probe = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1, "timeoutSeconds": 10}
        container = {"name": "web", "image": IMAGE, "command": ["python3", "-c", SERVER], "readinessProbe": probe}
        container |= {"resources": SHARE}
        pod = {
            "metadata": {
                "labels": labels,
                "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8000"},
            },
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
        }
        selector = {"matchLabels": labels}
        ports = [{"name": "http", "port": 80, "targetPort": 8000}]
        backend = {"service": {"name": "web", "port": {"name": "http"}}}
        rule = {"host": self.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        return [
            {"apiVersion": "v1", "kind": "Service", "metadata": name, "spec": {"selector": labels, "ports": ports}},
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": name,
                "spec": {"replicas": replicas, "selector": selector, "template": pod},
            },
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": name,
                "spec": {"maxUnavailable": 1, "selector": selector},
            },
            {
                "apiVersion": INGRESS.api_version,
                "kind": INGRESS.kind,
                "metadata": {"name": APP},
                "spec": {"rules": [rule]},
            },
        ]

    def run_plainly(self, replicas: int = 2) -> None:
        """Apply the base as it is, as people do who have no releases yet, and wait until users are answered."""
        for obj in self.base(replicas):
            self.kube.apply(obj | {"metadata": obj["metadata"] | {"namespace": self.namespace}})
        eventually(lambda: self.ready(replicas), "the plain app is ready")
        eventually(lambda: self.answers() == 200, "users are answered")

    def ready(self, replicas: int, name: str = "web") -> bool:
        """Whether all pods of a Deployment are ready."""
        obj = self.kube.get(DEPLOYMENT, self.namespace, name)
        return obj is not None and (obj.get("status") or {}).get("readyReplicas") == replicas

    def answers(self) -> int:
        """The status that a user gets."""
        request = urllib.request.Request(self.url + "/", headers={"Host": self.host})
        try:
            with urllib.request.urlopen(request, timeout=3) as answer:
                status: int = answer.status
                return status
        except OSError as error:
            return getattr(error, "code", 0)

    def deployed(self, name: str, **changes: Any) -> Release:
        """A release that is deployed, and whose tests, as there are none, are passed."""
        self._next_second()
        self.submit(name, base=self.base(), **self.described(**changes))
        world = self.world("admin-like", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
        deploy.run(deploy.Params(namespace=self.namespace, app=APP, release=name), world)
        run_tests.run(run_tests.Params(namespace=self.namespace, app=APP, release=name), world)
        return self.record(name)

    def switch(self, name: str, **more: Any) -> None:
        """The step, with its own rights."""
        params = switch.Params(namespace=self.namespace, app=APP, release=name, proxy_url=self.url, **more)
        switch.run(params, self.world("switch", switch.RULES))

    def _next_second(self) -> None:
        """Creation times have whole seconds, and of two releases of one second neither is newer."""
        time.sleep(1.1)

    def backend(self) -> str:
        """The Service that the route leads to."""
        ingress = self.kube.get(INGRESS, self.namespace, APP)
        assert ingress is not None
        name: str = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
        return name

    def pods(self, release: str) -> list[Object]:
        """The pods of a release."""
        return self.kube.list(POD, self.namespace, labels=release_selector(APP, release))

    def say(self, release: str, **values: float) -> None:
        """The release says so of itself from now on, and Prometheus knows."""
        for pod in self.pods(release):
            for name, value in values.items():
                url = f"http://{pod['status']['podIP']}:8000/set/{name}/{value}"
                eventually(lambda url=url: _asked(url), f"{url} is answered")  # type: ignore[misc]
        for name, value in values.items():
            eventually(lambda n=name, v=value: self.told(release, n) == {v}, f"{name} of {release}")  # type: ignore[misc]

    def told(self, release: str, name: str) -> set[float]:
        """What Prometheus knows that the pods of the release say."""
        query = fill_in(f'{name}{{namespace="$namespace",release="$release"}}', self.namespace, APP, release)
        return {series.value for series in Prometheus(self.prometheus).vector(query)}


def _asked(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def eventually(holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Wait until something holds; what cannot be asked right now does not hold yet."""
    until = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except TemporaryError:
            pass
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.1)
