"""The app with three tested releases behind a Service's selector, or an HTTPRoute of two hosts, paths and Services."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from emulated import Emulated, StoppedClock, Store
from three_releases import NAMES, Shop

from rainbow.adapters.kube import Object
from rainbow.adapters.proxy import Answer
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import Clock
from rainbow.model.app import AppConfig
from rainbow.model.names import APP_LABEL, RELEASE_LABEL, release_labels
from rainbow.model.release import Phase, ReleaseSpec, new_record

PREVIEW = ".shop.shops.preview.internal"
_URL = {"url": "http://proxy"}


def _backend(name: str) -> Object:
    return {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}


FRONT = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "front"},
    "spec": {"rules": [{"host": "shop", "http": {"paths": [_backend("web")]}}]},
}
HTTP_ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "front"},
    "spec": {
        "parentRefs": [{"name": "gateway", "namespace": "platform"}],
        "hostnames": ["shop", "www.shop"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/docs"}}],
                "backendRefs": [{"name": "docs", "port": 80}],
            },
            {"backendRefs": [{"name": "web", "port": 80}]},
        ],
    },
}


def a_service(name: str, port: int = 8000) -> Object:
    """A Service of the base."""
    spec = {"selector": {"part": name}, "ports": [{"name": "http", "port": 80, "targetPort": port, "protocol": "TCP"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


ROUTES: dict[str, tuple[Object, list[Object], tuple[str, str, str]]] = {
    "service": (
        {"service": {"name": "web", "ingress": "front"} | _URL},
        [FRONT, a_service("web")],
        ("services", "shops", "web"),
    ),
    "http_route": (
        {"httpRoute": {"name": "front"} | _URL, "releases": {"path": "/r/$release", "header": "X-Wanted"}},
        [HTTP_ROUTE, a_service("web"), a_service("docs")],
        ("httproutes", "shops", "front"),
    ),
}


@dataclass(repr=False)
class Kinds(Shop):
    """The same shop with another kind of route."""

    kind: str = "service"
    fronts: set[str] = field(default_factory=set)  # every Ingress `front` that there ever was

    def start(self, *, switched: bool = True) -> None:
        """Fill the store and, if so wanted, switch to v1."""
        self.fronts = set()
        self.store, self.clock = Store(), StoppedClock()
        self.live, self.said, self.highest = set(), [], 0
        for name in NAMES:
            self._release(name)
        self.store.seen = self._watch
        if switched:
            self.switch("v1")

    def _release(self, name: str, base: list[Object] | None = None) -> None:
        route, objects, _ = ROUTES[self.kind]
        objects = base or objects
        config = AppConfig.model_validate(
            {
                "app": "shop",
                "namespace": "shops",
                "manifests": {"kustomize": "deploy"},
                "route": route | {"timeout": "1s"},
                "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
            }
        )
        spec = ReleaseSpec(release=name, app=config, manifests="\n---\n".join(map(json.dumps, objects)))
        kube = Emulated(None, store=self.store)
        kube.create(new_record(spec))
        labels = release_labels("shop", name)
        for service in (obj for obj in objects if obj["kind"] == "Service"):
            meta = {"name": f"{service['metadata']['name']}-{name}", "namespace": "shops", "labels": labels}
            own = service["spec"] | {"selector": service["spec"]["selector"] | labels}
            kube.create(service | {"metadata": meta, "spec": own})
        note(kube, read_release(kube, "shops", "shop", name), phase=Phase.READY)

    @property
    def route(self) -> Object | None:
        """What is switched."""
        return self.store.objects.get(ROUTES[self.kind][2])

    @property
    def token(self) -> int:
        """The fencing token on the route."""
        assert self.route is not None
        return int(self.route["metadata"]["annotations"]["rainbow.dev/fencing-token"])

    @property
    def current(self) -> str:
        """The release that the route leads to, with all that it has."""
        assert self.route is not None
        if self.kind == "service":
            selector: dict[str, str] = self.route["spec"]["selector"]
            assert selector == {"part": "web", APP_LABEL: "shop", RELEASE_LABEL: selector[RELEASE_LABEL]}
            return selector[RELEASE_LABEL]
        names = [ref["name"] for rule in self.route["spec"]["rules"] for ref in rule["backendRefs"]]
        (release,) = {name.rpartition("-")[2] for name in names}
        assert names == [f"docs-{release}", f"web-{release}"], "never a mixed release"
        return release

    def _watch(self) -> None:
        front = self.store.objects.get(("ingresses", "shops", "front"))
        self.fronts |= {json.dumps(front)} if front else set()
        assert len(self.fronts) <= 1, "the static Ingress never changes"
        if self.route is None:
            return
        assert self.kind != "service" or front, "no Service without the Ingress in front of it"
        self.live.add(self.current)
        status = self.store.objects["releases", "shops", f"shop-{self.current}"]["status"]
        assert status.get("traffic") in ("switching", "100%"), f"delete would take {self.current}: {status}"

    def answer(self, host: str, path: str, clock: Clock) -> Answer:
        """What the proxy answers: by the route, or by a release's own."""
        release: Any = None
        if host in ("shop", "www.shop") and self.route is not None:
            release = self.current
        elif host.endswith(PREVIEW):
            named = host.removesuffix(PREVIEW)
            plural = "ingresses" if self.kind == "service" else "httproutes"
            release = named if (plural, "shops", f"shop-{named}-preview") in self.store.objects else None
        return Answer(clock.monotonic(), 200 if release else 404, release)
