"""The truth about the releases, not what their records say: where the route leads, who has work, who is kept.

It sees everything; the steps do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from emulated import Key

from rainbow.adapters.kube import Object
from rainbow.model.app import AppConfig
from rainbow.model.names import RELEASE_LABEL
from rainbow.model.release import Release
from rainbow.model.staying import OverdueAct, Strategy
from tests.deep.bases import ROUTES
from tests.deep.bus import Bus
from tests.deep.cluster import NAMESPACE, Living, owner
from tests.deep.metrics import Metrics
from tests.deep.proxy import ROUTES as LEADING
from tests.deep.proxy import leads
from tests.deep.server import Ticking


@dataclass
class Truth:
    """`demoted`: release that was live → when it stopped being current, None while it is.

    `live`: since when each was current last. `breached`: those that did harm to somebody while they were current.
    """

    store: Living
    clock: Ticking
    metrics: Metrics
    bus: Bus
    route: Key = ROUTES["ingress"]
    demoted: dict[str, datetime | None] = field(default_factory=dict)
    live: dict[str, datetime] = field(default_factory=dict)
    previous: str | None = None
    breached: set[str] = field(default_factory=set)

    # --- the route ----------------------------------------------------------------------------------------------

    def current(self, route: Object | None = None) -> str | None:
        """The release that the route leads to."""
        route = route or self.store.objects.get(self.route)
        if route and route["kind"] == "Service":
            return str(route["spec"]["selector"][RELEASE_LABEL])
        to = {owner(service) for service in self._services(route)} if route else {None}
        assert len(to) == 1, f"a mixed release: {to}"
        return to.pop()

    def _services(self, route: Object) -> list[Object]:
        names = [lead.service for lead in leads(route)]
        gone = [name for name in names if ("services", NAMESPACE, name) not in self.store.objects]
        assert not gone, f"the route leads to a Service that is gone: {gone}"
        return [self.store.objects["services", NAMESPACE, name] for name in names]

    def moved(self, before: str | None, target: str) -> None:
        """The route led to the one, and leads to the other from now on."""
        now = self.clock.now()
        if before is not None:
            self.demoted[before] = now
        self.demoted[target], self.live[target], self.previous = None, now, before
        self.harmed(target)

    def harmed(self, current: str | None) -> None:
        """Whether its users are harmed at this moment."""
        if current in self.metrics.harmful and self.metrics.users:
            self.breached.add(str(current))

    def referring(self, release: str, unseen: frozenset[Key] = frozenset()) -> list[str]:
        """The routes, but its own and those that nobody could have seen, that name a Service of it, at any weight."""
        own = {service["metadata"]["name"] for service in self.store.of("services", release)}
        seen = [obj for plural in LEADING for key, obj in self.store.of_kind(plural) if key not in unseen]
        routes = [obj for obj in seen if owner(obj) != release]
        return [route["metadata"]["name"] for route in routes if own & set(_named_services(route["spec"]))]

    # --- the releases -------------------------------------------------------------------------------------------

    def record(self, release: str) -> Release:
        """The record as it is stored."""
        return Release.from_object(self.store.objects["releases", NAMESPACE, f"shop-{release}"])

    def find(self, release: str) -> Release | None:
        """The same; None when it was forgotten."""
        return self.record(release) if ("releases", NAMESPACE, f"shop-{release}") in self.store.objects else None

    def deleted(self) -> list[str]:
        """The releases whose records say so, in the order of their deletion."""
        records = [Release.from_object(obj) for obj in self.store.of("releases")]
        return [name for _, name in sorted((r.status.deleted_at, r.id) for r in records if r.status.deleted_at)]

    def deletion_begun(self, release: str) -> bool:
        """Whether objects of it may be gone already."""
        record = self.find(release)
        return record is None or record.status.deleted_at is not None

    def kept(self, judged: str | None = None) -> list[str]:
        """Those that are to be kept to be rolled back to: by when the route really left them.

        `judged` is being deleted at this moment, which its record says already: it counts as if it were not.
        """
        config = self.config()
        there = [name for name in self.demoted if self._returnable(name, judged)]
        gone = [(at, name) for name in there if (at := self.demoted[name]) is not None]
        # By its record it may have been live: a switch to it was broken off. It is kept rather than another one is.
        for record in map(Release.from_object, self.store.of("releases")):
            if record.id not in self.demoted and record.status.demoted_at and self._returnable(record.id, judged):
                gone.append((record.status.demoted_at, record.id))
        newest = [name for _, name in sorted(gone, reverse=True)]
        return newest[: 1 if config.strategy is Strategy.BLUE_GREEN else config.retention.keep]

    def kept_while_baking(self, judged: str) -> str | None:
        """What a breach of the current release would switch back to at this moment."""
        current, bake = self.current(), self.config().bake
        if bake is None or current is None or self.previous is None or not self._returnable(self.previous, judged):
            return None
        baked, live = self.record(current).status.baked_at, self.live[current]
        over = self.clock.now() > live + 2 * bake.duration or (baked is not None and baked >= live)
        return None if over else self.previous

    def config(self) -> AppConfig:
        """The rainbow.yaml of all."""
        return next(Release.from_object(o) for o in self.store.of("releases")).spec.app

    def _returnable(self, name: str, judged: str | None) -> bool:
        record = self.find(name)
        there = record is not None and (record.status.deleted_at is None or name == judged)
        return there and record is not None and record.status.rejected is None

    def overdue(self, record: Release) -> bool:
        """Whether rainbow.yaml has it deleted with the work that it has left."""
        retention, gone = record.spec.app.retention, self.demoted.get(record.id)
        if retention.overdue is not OverdueAct.DELETE or retention.maximum_drain_age is None or gone is None:
            return False
        return self.clock.now() - gone >= retention.maximum_drain_age

    def age(self, release: str) -> timedelta | None:
        """Since when it is not current; None for one that is, or never was."""
        gone = self.demoted.get(release)
        return None if gone is None else self.clock.now() - gone

    def refer(self, release: str, *, there: bool) -> None:
        """An administrator's own Ingress leads to a Service of the release; or none does."""
        key = ("ingresses", NAMESPACE, f"admin-{release}")
        self.store.objects.discard(key)
        if there and ("services", NAMESPACE, f"web-{release}") in self.store.objects:
            backend = {"service": {"name": f"web-{release}", "port": {"number": 80}}}
            spec = {"defaultBackend": backend, "rules": []}
            meta = {"name": key[2], "namespace": NAMESPACE}
            self.store.put(
                key, {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}
            )


def _named_services(part: Any) -> list[str]:
    if isinstance(part, list):
        return [name for item in part for name in _named_services(item)]
    if not isinstance(part, dict):
        return []
    own = [part["service"]["name"]] if isinstance(part.get("service"), dict) else []
    refs = [ref["name"] for ref in part.get("backendRefs") or []]
    return own + refs + [name for value in part.values() for name in _named_services(value)]
