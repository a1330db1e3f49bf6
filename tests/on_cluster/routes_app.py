"""The tiny app behind each kind of route: its base, its rainbow.yaml, and one request of a user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from tiny import APP, SHARE, Tiny, deployment, service

from rainbow.adapters.kube import HTTP_ROUTE, INGRESS, SERVICE, Kind, Object
from rainbow.adapters.records import note
from rainbow.model.release import Phase
from steps import deploy, switch

# Says its release and the path that it was asked for; SIGTERM ends it when nobody asks any more.
SERVER = """
import http.server, os, signal
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("X-Release", os.environ["RELEASE_ID"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Front:
    """One way to carry users to the app: what of it stands in the base and in rainbow.yaml, and what is switched."""

    key: str  # under `route`
    switched: Kind
    config: dict[str, str]
    releases: dict[str, str]
    document: Callable[[str], Object]  # the host → the object of the base


def ingress(host: str) -> Object:
    """The Ingress of the base."""
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec = {"rules": [{"host": host, "http": {"paths": paths}}]}
    return {"apiVersion": INGRESS.api_version, "kind": INGRESS.kind, "metadata": {"name": "front"}, "spec": spec}


def http_route(host: str) -> Object:
    """The HTTPRoute of the base, at the Gateway of the embedded cluster."""
    spec = {
        "parentRefs": [{"name": "traefik", "namespace": "platform"}],
        "hostnames": [host],
        "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
    }
    head = {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.kind, "metadata": {"name": "front"}}
    return head | {"spec": spec}


PATH = {"path": "/releases/$release"}
FRONTS = {
    "ingress": Front("ingress", INGRESS, {"name": "front"}, PATH, ingress),
    "service": Front("service", SERVICE, {"name": "web", "ingress": "front"}, PATH, ingress),
    "http_route": Front("httpRoute", HTTP_ROUTE, {"name": "front"}, PATH | {"header": "X-Wanted"}, http_route),
}


@dataclass
class Routed:
    """The app behind one kind of route, in a namespace that the test made."""

    tiny: Tiny
    front: Front
    proxy: str  # host:port on this machine

    @property
    def host(self) -> str:
        """The host of its users."""
        return f"{self.tiny.namespace}.localhost"

    def submit(self, name: str) -> None:
        """The record of a release."""
        route = {self.front.key: self.front.config | {"url": f"http://{self.proxy}"}, "releases": self.front.releases}
        # On a machine that is busy with other tests, a pod that is slow to say so is ready all the same.
        probe = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1, "timeoutSeconds": 20}
        web = deployment(["python3", "-c", SERVER], readinessProbe=probe, resources=SHARE)
        self.tiny.submit(name, base=[web, service(), self.front.document(self.host)], route=route)

    def deploy(self, name: str) -> None:
        """Deploy it, and have it as tested."""
        params = deploy.Params(namespace=self.tiny.namespace, app=APP, release=name)
        deploy.run(params, self.tiny.world("deploy", deploy.RULES))
        note(self.tiny.kube, self.tiny.record(name), phase=Phase.READY)

    def switch(self, name: str, **options: Any) -> None:
        """The step, with the rights of its Role and no more."""
        params = switch.Params(namespace=self.tiny.namespace, app=APP, release=name, **options)
        switch.run(params, self.tiny.world("switch", switch.RULES))

    def ask(self, path: str = "/", *, host: str | None = None, **headers: str) -> tuple[int, str | None, str]:
        """One request: status, the release that answered, and the path that it saw."""
        connection = HTTPConnection(self.proxy, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host or self.host, **headers})
            answer = connection.getresponse()
            return answer.status, answer.getheader("X-Release"), answer.read().decode()
        finally:
            connection.close()
