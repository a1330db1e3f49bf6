"""The proxy in front of the living cluster: whom users reach at this moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulated import Key

from rainbow.adapters.kube import Object
from rainbow.adapters.proxy import Answer
from tests.deep.cluster import NAMESPACE, Living, Ticking, is_ready, labels, owner


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
        self.late, self._known = requests, {k: o for k, o in self.store.objects.items() if k[0] == "ingresses"}
        self._until = self.clock.monotonic() + 3.0

    def answer(self, host: str, path: str) -> Answer:
        """What a request for the host and path gets."""
        release = self.release(host, path)
        return Answer(self.clock.monotonic(), 200 if release else 503, release)

    def release(self, host: str, path: str) -> str | None:
        """The release whose pod answers it."""
        routes: Mapping[Key, Object] = self.store.objects
        if self.late and self._known is not None and self.clock.monotonic() < self._until:
            self.late -= 1
            routes = self._known
        paths = [p for key, obj in routes.items() if key[0] == "ingresses" for p in _paths(obj, host)]
        found = [p for p in paths if path.startswith(p.get("path") or "/")]
        if not found:
            return None
        best = max(found, key=lambda p: len(p.get("path") or "/"))
        return self.behind(best["backend"]["service"]["name"])

    def behind(self, service: str) -> str | None:
        """The release of the pods that a Service leads to; None when none of them is ready."""
        obj = self.store.objects.get(("services", NAMESPACE, service))
        wanted = ((obj or {}).get("spec") or {}).get("selector") or {}
        pods = [p for p in self.store.of("pods") if wanted and wanted.items() <= labels(p).items() and is_ready(p)]
        return owner(pods[0]) if pods else None


def _paths(ingress: Object, host: str) -> Iterator[Object]:
    for rule in ingress["spec"].get("rules") or []:
        if rule.get("host", host) == host:
            yield from rule["http"]["paths"]
