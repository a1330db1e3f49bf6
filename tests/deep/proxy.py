"""The proxy in front of the living cluster: whom users reach at this moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulated import Key

from rainbow.adapters.kube import Object
from rainbow.adapters.proxy import Answer
from tests.deep.cluster import NAMESPACE, Living, is_ready, labels, owner
from tests.deep.server import Ticking

ROUTES = ("ingresses", "httproutes")


@dataclass(frozen=True)
class Lead:
    """Where a route leads the requests for a host and the paths below a prefix."""

    host: str
    prefix: str
    service: str


@dataclass
class Traffic:
    """It may learn of a change of routes late: after `late` more requests, or some seconds."""

    store: Living
    clock: Ticking
    late: int = 0
    _known: Mapping[Key, Object] | None = None
    _until: float = 0.0

    def fall_behind(self, requests: int) -> None:
        """Go on by the routes as they are now, for so many requests."""
        self.late, self._known = requests, self._routes()
        self._until = self.clock.monotonic() + 3.0

    def answer(self, host: str, path: str) -> Answer:
        """What a request for the host and path gets."""
        release = self.release(host, path)
        return Answer(self.clock.monotonic(), 200 if release else 503, release)

    def release(self, host: str, path: str) -> str | None:
        """The release whose pod answers it."""
        routes = self._routes()
        if self.late and self._known is not None and self.clock.monotonic() < self._until:
            self.late -= 1
            routes = self._known
        found = [lead for obj in routes.values() for lead in leads(obj) if lead.host == host]
        fitting = [lead for lead in found if path.startswith(lead.prefix)]
        return self.behind(max(fitting, key=lambda lead: len(lead.prefix)).service) if fitting else None

    def behind(self, service: str) -> str | None:
        """The release of the pods that a Service leads to; None when none of them is ready."""
        obj = self.store.objects.get(("services", NAMESPACE, service))
        wanted = ((obj or {}).get("spec") or {}).get("selector") or {}
        pods = [p for p in self.store.of("pods") if wanted and wanted.items() <= labels(p).items() and is_ready(p)]
        return owner(pods[0]) if pods else None

    def _routes(self) -> dict[Key, Object]:
        return {key: obj for plural in ROUTES for key, obj in self.store.of_kind(plural)}


def leads(route: Object) -> Iterator[Lead]:
    """Whom an Ingress or an HTTPRoute leads where."""
    spec = route["spec"]
    for rule in spec.get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            yield Lead(rule["host"], path.get("path") or "/", path["backend"]["service"]["name"])
        for match in rule.get("matches") or [{}]:
            prefix = (match.get("path") or {}).get("value", "/")
            for ref in rule.get("backendRefs") or []:
                yield from (Lead(host, prefix, ref["name"]) for host in spec.get("hostnames") or [])
