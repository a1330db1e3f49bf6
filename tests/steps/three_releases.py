"""An app with three tested releases, of which v1 is current; its steps run against an emulated API server and proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from emulated import Emulated, Killed, StoppedClock, Store

from rainbow.adapters.records import list_releases, note, read_release
from rainbow.adapters.world import World
from rainbow.model.app import AppConfig
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import rollback, switch

NAMES = ("v1", "v2", "v3")
INGRESS = ("ingresses", "shops", "shop")
LEASE = ("leases", "shops", "rainbow-shop")


@dataclass
class Shop:
    """An app with three tested releases; v1 is current."""

    store: Store = field(default_factory=Store, repr=False)
    live: set[str] = field(default_factory=set)  # every release that the route ever led to
    clock: StoppedClock = field(default_factory=StoppedClock)
    said: list[str] = field(default_factory=list)
    highest: int = 0  # token that the route has seen
    drain: dict[str, Any] = field(default_factory=dict)  # more under `drain` of rainbow.yaml

    def start(self) -> None:
        """Fill the store and switch to v1."""
        self.store = Store()
        self.live = set()
        self.clock = StoppedClock()
        self.said = []
        self.highest = 0
        for name in NAMES:
            self._release(name)
        self.store.seen = self._watch
        self.switch("v1")

    def _release(self, name: str) -> None:
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        kind = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
        ingress = kind | {"metadata": {"name": "shop"}, "spec": {"rules": [rule]}}
        config = {
            "app": "shop",
            "namespace": "shops",
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": "shop", "url": "http://proxy"}, "timeout": "1s"},
            "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}} | self.drain,
        }
        spec = ReleaseSpec(release=name, app=AppConfig.model_validate(config), manifests=json.dumps(ingress))
        kube = Emulated(None, store=self.store)
        kube.create(new_record(spec))
        meta = {"name": f"web-{name}", "namespace": "shops", "labels": release_labels("shop", name)}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
        note(kube, read_release(kube, "shops", "shop", name), phase=Phase.READY)

    def submit(self, name: str, **route: dict[str, str]) -> None:
        """Somebody submits a release whose rainbow.yaml names another route, as in `ingress={"name": "other"}`."""
        old = self.record("v1").spec
        config = old.app.model_dump(mode="json", by_alias=True, exclude_none=True)
        ((key, entry),) = route.items()
        config["route"] = {"timeout": "1s", key: {"url": "http://proxy", **entry}}
        base = json.loads(old.manifests)
        base["metadata"]["name"] = base["spec"]["rules"][0]["host"] = entry["name"]
        spec = ReleaseSpec(release=name, app=AppConfig.model_validate(config), manifests=json.dumps(base))
        kube = Emulated(None, store=self.store)
        kube.create(new_record(spec))
        meta = {"name": f"web-{name}", "namespace": "shops", "labels": release_labels("shop", name)}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})

    def switch(
        self, name: str, around: Callable[[str], None] = lambda _: None, *, allow_older: bool = False, run: str = ""
    ) -> None:
        """Run the step; `run` is the uid of its workflow, none when a person runs it."""
        params = switch.Params(namespace="shops", app="shop", release=name, allow_older=allow_older)
        switch.run(params, self.world(around, run))

    def rollback(
        self,
        name: str | None = None,
        around: Callable[[str], None] = lambda _: None,
        *,
        asked_at: datetime | None = None,
        **more: Any,
    ) -> None:
        """Run the step."""
        params = rollback.Params(namespace="shops", app="shop", release=name, by="ada", **more)
        rollback.run(params, replace(self.world(around), asked_at=asked_at))

    def world(self, around: Callable[[str], None] = lambda _: None, run: str = "") -> World:
        """A world of its own for one run."""
        return World(Emulated(None, store=self.store, around=around), clock=self.clock, say=self.said.append, run=run)

    def record(self, name: str) -> Release:
        """A record as it is now."""
        return read_release(Emulated(None, store=self.store), "shops", "shop", name)

    def note(self, name: str, **changes: Any) -> None:
        """Somebody else writes on a record."""
        note(Emulated(None, store=self.store), self.record(name), **changes)

    @property
    def token(self) -> int:
        """The fencing token on the route."""
        return int(self.store.objects[INGRESS]["metadata"]["annotations"]["rainbow.dev/fencing-token"])

    @property
    def holder(self) -> str | None:
        """Who has the lock."""
        holder: str | None = self.store.objects[LEASE]["spec"].get("holderIdentity")
        return holder

    @property
    def current(self) -> str:
        """The release that the route leads to."""
        rules = self.store.objects[INGRESS]["spec"]["rules"]
        service: str = rules[0]["http"]["paths"][0]["backend"]["service"]["name"]
        return service.removeprefix("web-")

    def _watch(self) -> None:
        """After every single write: nothing may be harmed, whoever is killed now."""
        if INGRESS not in self.store.objects:
            return
        self.live.add(self.current)
        assert self.token >= self.highest, "somebody has written with a lower token than one before"
        self.highest = self.token
        status = self.store.objects["releases", "shops", f"shop-{self.current}"]["status"]
        assert status.get("traffic") in ("switching", "100%"), f"delete would take {self.current}: {status}"

    def settled(self) -> None:
        """What has to be true once every run came to its end."""
        assert self.holder is None
        releases = list_releases(Emulated(None, store=self.store), "shops", "shop")
        for release in releases:
            status = release.status
            assert status.traffic != "switching"
            if release.id == self.current:
                assert (status.phase, status.traffic, status.demoted_at) == (Phase.CURRENT, "100%", None)
                assert status.live_at is not None
            elif release.id in self.live:
                assert (status.phase, status.traffic) == (Phase.DRAINING, "-"), release.id
                assert status.live_at is not None
                assert status.demoted_at is not None
            else:
                assert (status.phase, status.live_at) in ((Phase.READY, None), (Phase.FAILED, None))
                assert status.phase is Phase.READY or "superseded" in (status.message or "")


def at(write: int, when: str, what: Callable[[], None]) -> Callable[[str], None]:
    """Do something before or after the n-th write of a run."""
    counted = {"before": 0, "after": 0}

    def around(now: str) -> None:
        counted[now] += 1
        if now == when and counted[now] == write:
            what()

    return around


def kill() -> None:
    """For `at`: kill -9 there."""
    raise Killed
