"""An app with a database: four emulated releases, an expand each but the last, which contracts; and their pods.

The database is two numbers; a kubelet of a few lines runs the commands of the migrations' pods on it, a bit at each
request of anybody, so that a pod goes on when the step that has started it is killed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulated import Emulated, StoppedClock, Store
from three_releases import INGRESS

from rainbow.adapters.kube import Object
from rainbow.adapters.lock import read_lease
from rainbow.adapters.records import list_releases, note, read_release
from rainbow.adapters.world import World
from rainbow.model.app import AppConfig
from rainbow.model.migrations import Needs
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import backfill, contract, expand, rollback, switch

APP, NAMESPACE = "shop", "shops"
# As examples/address-book has them.
NEEDS = {"v1": (1, 2), "v2": (2, 3), "v3": (3, 3), "v4": (3, 4), "v5": (4, 4)}
STAGES: dict[str, dict[str, Any]] = {
    "v1": {"expand": {"to": 1, "command": ["to", "1"]}},
    "v2": {"expand": {"to": 2, "command": ["to", "2"]}},
    "v3": {"expand": {"to": 3, "command": ["to", "3"]}, "backfill": {"command": ["backfill"]}},
    "v4": {"contract": {"to": 4, "command": ["to", "4"]}},
    "v5": {"expand": {"to": 4, "command": ["to", "4"]}},  # of the same version, for who comes in between
}
NAMES = ("v1", "v2", "v3", "v4")


@dataclass
class Database:
    """What it says of itself, and what was done to it. `fails`: exit codes of the next commands."""

    version: int = 0
    backfilled: bool = True
    done: list[str] = field(default_factory=list)
    fails: list[int] = field(default_factory=list)

    def run(self, command: list[str]) -> tuple[int, str]:
        """The exit code and the last line of a command."""
        if command != ["state"] and self.fails and (code := self.fails.pop(0)):
            return code, "no"
        if command[0] == "to" and int(command[1]) > self.version:
            assert int(command[1]) == self.version + 1, f"a stage is skipped: {self.version} to {command[1]}"
            self.version = int(command[1])
            self.backfilled = self.version not in (2, 3)
            self.done.append(" ".join(command))
        if command == ["backfill"]:
            self.backfilled = True
            self.done.append("backfill")
        return 0, json.dumps({"version": self.version, "backfilled": self.backfilled})


@dataclass
class Kubelet(Emulated):
    """An API server on a node: pods come to their end by themselves."""

    database: Database = field(default_factory=Database)

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if not self.dead:
            self.work()
        return super()._once(method, path, query, body, content_type)

    def work(self) -> None:
        """A bit on each pod."""
        for (plural, *_), pod in list(self.store.objects.items()):
            if plural == "pods" and "log" not in pod:
                self._work_on(pod)

    def _work_on(self, pod: Object) -> None:
        (container,) = pod["spec"]["containers"]
        state: Object = {"running": {}}
        if pod.get("status"):
            code, line = self.database.run(container["command"])
            pod["log"] = f"2026-05-04T12:00:00.000000000Z {line}\n"
            state = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
            self.store.seen()
        phase = "Running" if "running" in state else "Failed" if state["terminated"]["exitCode"] else "Succeeded"
        pod["status"] = {"phase": phase, "containerStatuses": [{"name": container["name"], "state": state}]}

    def _get(self, key: tuple[str, str, str], subresource: str | None) -> Object | str:
        if subresource == "log":
            log: str = self.store.objects[key].get("log", "")
            return log
        return super()._get(key, subresource)


@dataclass
class Books:
    """The app. `changes`: more of `migrations`, by release."""

    store: Store = field(default_factory=Store, repr=False)
    database: Database = field(default_factory=Database)
    clock: StoppedClock = field(default_factory=StoppedClock)
    said: list[str] = field(default_factory=list)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Records of these releases, none of them deployed; all four by default."""
        self.store, self.database, self.clock, self.said = Store(), Database(), StoppedClock(), []
        self.store.seen = self.watch
        for name in names or NAMES:
            self.submit(name)

    def submit(self, name: str, **migrations: Any) -> None:
        """The record and the Service of a release."""
        minimum, maximum = NEEDS[name]
        needs = {"minimum": minimum, "maximum": maximum, "backfilled": name in ("v4", "v5")}
        described: dict[str, Any] = {"image": "books", "needs": needs, "state": ["state"], **STAGES[name]}
        described |= {"envFrom": ["database"]} | self.changes.get(name, {}) | migrations
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        kind = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
        ingress = kind | {"metadata": {"name": "shop"}, "spec": {"rules": [rule]}}
        config = {
            "app": APP,
            "namespace": NAMESPACE,
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": "shop", "url": "http://proxy"}, "timeout": "1s"},
            "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
            "retention": {"minimumAge": "0s"},
            "migrations": described,
        }
        spec = ReleaseSpec(release=name, app=AppConfig.model_validate(config), manifests=json.dumps(ingress))
        kube = Emulated(None, store=self.store)
        kube.create(new_record(spec))
        meta = {"name": f"web-{name}", "namespace": NAMESPACE, "labels": release_labels(APP, name)}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})

    # --- the steps ------------------------------------------------------------------------------------------------

    def world(self, around: Callable[[str], None] = lambda _: None, run: str = "") -> World:
        """A world of its own for one run."""
        kube = Kubelet(None, attempts=1, store=self.store, around=around, database=self.database)
        return World(kube, clock=self.clock, say=self.said.append, run=run)

    def expand(self, name: str, around: Callable[[str], None] = lambda _: None, **more: Any) -> None:
        """Run the step."""
        expand.run(expand.Params(namespace=NAMESPACE, app=APP, release=name, **more), self.world(around, f"run-{name}"))

    def backfill(self, name: str, around: Callable[[str], None] = lambda _: None, **more: Any) -> None:
        """Run the step."""
        params = backfill.Params(namespace=NAMESPACE, app=APP, release=name, **more)
        backfill.run(params, self.world(around, f"run-{name}"))

    def contract(self, name: str | None, around: Callable[[str], None] = lambda _: None, **more: Any) -> None:
        """Run the step."""
        contract.run(contract.Params(namespace=NAMESPACE, app=APP, release=name, **more), self.world(around))

    def switch(self, name: str, around: Callable[[str], None] = lambda _: None, **more: Any) -> None:
        """Run the step."""
        switch.run(switch.Params(namespace=NAMESPACE, app=APP, release=name, **more), self.world(around))

    def rollback(self, name: str | None = None, around: Callable[[str], None] = lambda _: None) -> None:
        """Run the step."""
        params = rollback.Params(namespace=NAMESPACE, app=APP, release=name, by="ada", allow_rejected=True)
        rollback.run(params, self.world(around))

    def tested(self, name: str) -> None:
        """It is deployed, and its tests are passed."""
        self.note(name, phase=Phase.READY, deployed_at=self.clock.now())

    def live(self, *names: str) -> None:
        """Expand, deploy and switch, one after the other."""
        for name in names:
            self.expand(name)
            self.tested(name)
            self.switch(name)

    def gone(self, *names: str) -> None:
        """Deleted, as retention would have it."""
        for name in names:
            self.note(name, phase=Phase.DELETED, deleted_at=self.clock.now())

    # --- what there is --------------------------------------------------------------------------------------------

    def record(self, name: str) -> Release:
        """A record as it is now."""
        return read_release(Emulated(None, store=self.store), NAMESPACE, APP, name)

    def note(self, name: str, **changes: Any) -> None:
        """Somebody else writes on a record."""
        note(Emulated(None, store=self.store), self.record(name), **changes)

    @property
    def current(self) -> str | None:
        """The release that the route leads to."""
        if INGRESS not in self.store.objects:
            return None
        rules = self.store.objects[INGRESS]["spec"]["rules"]
        service: str = rules[0]["http"]["paths"][0]["backend"]["service"]["name"]
        return service.removeprefix("web-")

    @property
    def pods(self) -> list[str]:
        """The names of all pods that are there."""
        return sorted(name for plural, _, name in self.store.objects if plural == "pods")

    def needs(self, name: str) -> Needs:
        """What a release says that it works with."""
        migrations = self.record(name).spec.app.migrations
        assert migrations is not None
        return migrations.needs

    def watch(self) -> None:
        """After every single write and every command: who has users works with the schema."""
        if (current := self.current) is None:
            return
        minimum, maximum = NEEDS[current]
        version = self.database.version
        assert minimum <= version <= maximum, f"users are on {current}, and the schema has version {version}"
        assert current != "v4" or self.database.backfilled, "users are on v4, and not all rows are moved"

    def settled(self) -> None:
        """What has to be true once every run came to its end: the records say what the database says."""
        notes = [r.status.schema_state for r in list_releases(Emulated(None, store=self.store), NAMESPACE, APP)]
        newest = max((n for n in notes if n is not None), key=lambda n: n.at)
        assert (newest.version, newest.backfilled) == (self.database.version, self.database.backfilled)
        assert newest.under_way is None
        seen = read_lease(Emulated(None, store=self.store), NAMESPACE, "shop.schema")
        # One that was killed, and had nothing left to do, lets it run out.
        assert seen is None or seen.until is None or seen.until <= self.clock.now()
