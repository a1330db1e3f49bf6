"""What may never happen, checked at each write by somebody who sees everything: the truth, not the records.

A step believes records and samples; the oracle knows on which pods users' tasks are, when the route really moved, and
for how long Prometheus has been lying.
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
from tests.deep.cluster import NAMESPACE, Living, Ticking, is_ready, labels, owner
from tests.deep.metrics import Fault, Metrics
from tests.deep.proxy import Traffic

ROUTES: dict[str, Key] = {"ingress": ("ingresses", NAMESPACE, "shop"), "service": ("services", NAMESPACE, "web")}
TOKEN = "rainbow.dev/fencing-token"
LEADING = {"ingresses", "httproutes"}
MAX_AGE = timedelta(seconds=30)


@dataclass
class Run:
    """One run of a step. `by_person`: it may bring back what was replaced or rejected."""

    step: str
    by_person: bool
    fault: Fault
    begun: dict[str, bool]  # release → whether its deletion was already begun


@dataclass
class Oracle:
    """`demoted`: release that was live → when it stopped being current, None while it is."""

    store: Living
    clock: Ticking
    metrics: Metrics
    traffic: Traffic
    acting: list[Run] = field(default_factory=list)
    demoted: dict[str, datetime | None] = field(default_factory=dict)
    token: int = 0
    route: Key = ROUTES["ingress"]
    overdue: set[str] = field(default_factory=set)  # deleted with their work, as rainbow.yaml has it

    def check(self) -> None:
        """Between two machine steps: users are served, and no pod was ended under its tasks."""
        lost = [pod for pod in self.store.lost if not any(pod.startswith(f"web-{name}-") for name in self.overdue)]
        assert not lost, f"ended while at work: {lost}"
        if self.route in self.store.objects:
            current = self.current()
            assert current is not None
            assert self.store.of("pods", current), f"{current} is current and has no pod"

    def guard(self, key: Key, old: Object | None, new: Object | None) -> None:
        """Before a write."""
        if not self.acting:
            return
        if new is None and old is not None:
            self._removed(key, old)
        elif key == self.route and new is not None:
            self._moved(old, new)

    # --- what the route leads to ------------------------------------------------------------------------------

    def current(self, route: Object | None = None) -> str | None:
        """The release that the route leads to."""
        route = route or self.store.objects.get(self.route)
        if route and route["kind"] == "Service":
            return str(route["spec"]["selector"][RELEASE_LABEL])
        leads = {owner(service) for service in self._services(route)} if route else {None}
        assert len(leads) == 1, f"a mixed release: {leads}"
        return leads.pop()

    def _services(self, route: Object) -> list[Object]:
        names = [p["backend"]["service"]["name"] for r in route["spec"]["rules"] for p in r["http"]["paths"]]
        gone = [name for name in names if ("services", NAMESPACE, name) not in self.store.objects]
        assert not gone, f"the route leads to a Service that is gone: {gone}"
        return [self.store.objects["services", NAMESPACE, name] for name in names]

    def _moved(self, old: Object | None, new: Object) -> None:
        before, target = self.current(old) if old else None, self.current(new)
        token = int((new["metadata"].get("annotations") or {}).get(TOKEN, 0))
        assert token >= self.token, f"token {token} after {self.token}"
        self.token = token
        if target == before:
            return
        assert target is not None, "the route leads to no release"
        record, run = self.record(target), self.acting[-1]
        status = record.status
        assert status.phase != "Deleted", f"{target} is deleted"
        assert status.traffic in ("switching", "100%"), f"{target}: nothing keeps delete away"
        assert status.tested_at is not None, f"{target} was never tested"
        ready = [p for p in self.store.of("pods", target) if is_ready(p)]
        assert ready, f"no pod of {target} is ready"
        if not run.by_person:
            self._nothing_undone(record, before)
        if before is not None:
            self.demoted[before] = self.clock.now()
        self.demoted[target] = None

    def _nothing_undone(self, target: Release, before: str | None) -> None:
        assert target.status.rejected is None, f"{target.id} was rejected and is promoted by nobody"
        # One that was cleaned up and deployed again counts as new (S11).
        again, gone = target.status.redeployed_at, self.demoted.get(target.id)
        fresh = gone is None or (again is not None and again > gone)
        assert fresh, f"{target.id} was replaced and comes back by nobody's word"
        if before is not None and ("releases", NAMESPACE, f"shop-{before}") in self.store.objects:
            assert target.since >= self.record(before).since, f"{target.id} is older than {before}"

    # --- what is deleted --------------------------------------------------------------------------------------

    def _removed(self, key: Key, obj: Object) -> None:
        release = owner(obj)
        if release is None or "rainbow.dev/step" in labels(obj):
            return
        what = f"{self.acting[-1].step} deletes {key[0]}/{key[2]}: "
        assert release != self.current(), what + "it is current"
        assert not (by := self.referring(release)), what + f"referred to by {by}"
        if key[0] in LEADING:
            return
        if key[0] == "releases":
            self._forgotten(release, what)
            return
        record = self.record(release)
        assert record.status.hold is None or self.acting[-1].begun.get(release), what + "it is held"
        self._old_enough(record, what)
        assert self._begun(release) or release not in self.kept(making_room=self._makes_room()), what + "it is kept"
        if self._overdue(record):
            self.overdue.add(release)
            return
        assert not self.store.busy_release(release), what + f"tasks {self.store.busy_release(release)}"
        self._known(record, what)

    def referring(self, release: str) -> list[str]:
        """The routes, other than its own, that name a Service of the release, at any weight."""
        own = {service["metadata"]["name"] for service in self.store.of("services", release)}
        found = []
        for route in (*self.store.of("ingresses"), *self.store.of("httproutes")):
            if owner(route) != release and own & set(_named_services(route["spec"])):
                found.append(route["metadata"]["name"])
        return found

    def kept(self, *, making_room: bool = False) -> list[str]:
        """Those that are to be kept to be rolled back to: by when the route really left them."""
        if making_room:
            return []
        config = self._config()
        gone = [(at, name) for name, at in self.demoted.items() if at is not None and self._returnable(name)]
        # By its record it may have been live: a switch to it was broken off. It is kept rather than another one is.
        for record in map(Release.from_object, self.store.of("releases")):
            if record.id not in self.demoted and record.status.demoted_at and self._returnable(record.id):
                gone.append((record.status.demoted_at, record.id))
        newest = [name for _, name in sorted(gone, reverse=True)]
        return newest[: 1 if config.strategy is Strategy.BLUE_GREEN else config.retention.keep]

    def _config(self) -> AppConfig:
        return next(Release.from_object(o) for o in self.store.of("releases")).spec.app

    def _makes_room(self) -> bool:
        return self.acting[-1].step == "make-room"

    def _returnable(self, name: str) -> bool:
        record = self.find(name)
        return record is not None and record.status.deleted_at is None and record.status.rejected is None

    def _begun(self, name: str) -> bool:
        return self.acting[-1].begun.get(name, False)

    def _overdue(self, record: Release) -> bool:
        retention, gone = record.spec.app.retention, self.demoted.get(record.id)
        if retention.overdue is not OverdueAct.DELETE or retention.maximum_drain_age is None or gone is None:
            return False
        return self.clock.now() - gone >= retention.maximum_drain_age

    def _old_enough(self, record: Release, what: str) -> None:
        gone = self.demoted.get(record.id)
        if gone is not None and not self._makes_room():
            age = self.clock.now() - gone
            assert age >= record.spec.app.retention.minimum_age, what + f"it is not current since {age} only"

    def _known(self, record: Release, what: str) -> None:
        run = self.acting[-1]
        if record.id not in self.demoted or run.begun.get(record.id):
            return
        fault = self.metrics.fault
        if fault is Fault.STALE:
            at = max((t for t, _, _ in self.metrics.samples.values()), default=0.0)
            assert self.clock.now().timestamp() - at <= MAX_AGE.total_seconds(), what + "by old samples"
        elif fault is not Fault.NONE and fault is run.fault:
            raise AssertionError(what + f"though its work is unknown: {fault}")

    def _forgotten(self, release: str, what: str) -> None:
        left = [key for key, obj in self.store.objects.items() if owner(obj) == release and key[0] != "releases"]
        assert not [key for key in left if key[0] in ("deployments", "services", "ingresses")], what + f"left: {left}"

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

    def refer(self, release: str, *, there: bool) -> None:
        """An administrator's own Ingress leads to a Service of the release; or none does."""
        key = ("ingresses", NAMESPACE, f"admin-{release}")
        self.store.objects.pop(key, None)
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
