"""The stage on which steps run: one app in the emulated world, and a run that may be killed or overtaken anywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from api_semantics import parse
from emulated import Key, Killed

from rainbow.adapters import jetstream, records
from rainbow.adapters.kube import Kind
from rainbow.adapters.lock import LostLock
from rainbow.adapters.prometheus import Prometheus
from rainbow.adapters.proxy import Proxy
from rainbow.adapters.world import World
from rainbow.errors import RainbowError
from rainbow.model.app import AppConfig
from rainbow.model.release import ReleaseSpec, new_record
from steps import load
from tests.deep.bases import ROUTES, App
from tests.deep.bus import Bus
from tests.deep.cluster import NAMESPACE, Living
from tests.deep.memory import remember
from tests.deep.metrics import Metrics
from tests.deep.oracle import Oracle, Run
from tests.deep.proxy import Traffic
from tests.deep.server import Swift, Ticking

# What a step is told besides, and what besides when it is a person who wants it whatever was before.
EXTRA: dict[str, dict[str, Any]] = {
    "wait-for-drain": {"max_wait": "20s"},
    "bake": {"max_wait": "1m"},
    "hold": {"reason": "wait"},
}
INSISTING: dict[str, dict[str, Any]] = {
    "switch": {"allow_older": True},
    "rollback": {"allow_rejected": True, "despite_hold": True},
    "redeploy": {"allow_rejected": True},
}
SWITCHING = {"switch", "rollback", "bake", "adopt"}
BY_PEOPLE = {"rollback", "hold", "resume", "redeploy"}


@dataclass(frozen=True)
class Action:
    """A run of a step for one of the releases, by its number (-1: the newest; None: it is not said which).

    `insists`: a person wants it whatever was before. By hand it is no part of the workflow of the release. `lag`: its
    lists are as old as so many writes.
    """

    step: str
    release: int | None
    insists: bool = False
    by_hand: bool = False
    lag: int = 0


@dataclass(frozen=True)
class Disturbance:
    """What happens at the n-th request of a run: it pauses, another run or a user comes in between, it is killed."""

    at: int
    kill: bool = False
    after: bool = False
    pause: float = 0.0
    rival: Action | None = None
    user: int | None = None  # begins a task on this release, or by the users' route for 0


class Stage:
    """One app, its cluster, its users, and the oracle that watches every write."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.app = App()
        self.clock, self.bus = Ticking(), Bus()
        self.store = Living(clock=self.clock.now, remember=4)
        self.metrics = Metrics(self.store, self.clock)
        self.traffic = Traffic(self.store, self.clock)
        self.clock.tick = self.metrics.scrape
        self.oracle = Oracle(self.store, self.clock, self.metrics, self.bus)
        self.store.guard, self.metrics.current = self.oracle.guard, self.oracle.current
        self.bus.guard = self.oracle.removed_from_bus
        self.releases: list[str] = []
        self.broken_off = 0  # runs that were killed, or lost their lock, and may have been switching
        self._task = 0
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(Proxy, "ask", lambda _self, host, path: self.traffic.answer(host, path))
        self.patches.setattr(Prometheus, "__init__", lambda _self, _url: None)
        self.patches.setattr(Prometheus, "vector", lambda _self, query, _at=None: self.metrics.vector(query))
        self.patches.setattr(jetstream, "connected", self.bus.connected)
        self.patches.setattr(records, "Clock", lambda: self.clock)
        remember(self.patches)

    def begin(self, app: App) -> None:
        """This is the app; what ran of it before is made its first release, when it is one to be adopted."""
        self.app, self.oracle.route = app, ROUTES[app.route]
        if app.bus:
            self.store.begun = self.bus.consumers.add
        if app.adopted:
            app.run_plainly(self.store)

    def name(self, number: int) -> str:
        """The release of that number."""
        return self.releases[number % len(self.releases)]

    def submit(self, *, adopted: bool = False) -> None:
        """A record, and a workflow that is at work on it."""
        name = f"rel{len(self.releases)}"
        self.releases.append(name)
        config, manifests = _config(self.app)
        self._kube().create(new_record(ReleaseSpec(release=name, app=config, manifests=manifests, adopted=adopted)))
        self.workflow(name, "Running")

    def workflow(self, name: str, phase: str) -> None:
        """The workflow of the release is in this phase."""
        meta = {"name": f"release-shop-{name}", "namespace": NAMESPACE}
        head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": meta}
        self.store.put(("workflows", NAMESPACE, meta["name"]), head | {"spec": {}, "status": {"phase": phase}})

    def task(self, release: str | None) -> None:
        """A user begins something long: where the users' route leads to, or where the release's own one does."""
        host = "shop" if release is None else f"{release}.shop.{NAMESPACE}.preview.internal"
        found = self.traffic.release(host, "/")
        pods = self.store.workers(found) if found else []
        if pods:
            self._task += 1
            if self.app.bus and self._task % 2:
                self.bus.post(str(found))
                return
            name = pods[self._task % len(pods)]["metadata"]["name"]
            self.store.tasks[self._task] = ("pods", NAMESPACE, name)

    def run(self, action: Action, disturbance: Disturbance | None = None) -> bool:
        """Run a step to its end, or to where it is killed. What it refuses is no failure; any other error is one."""
        step, name = load(action.step), None if action.release is None else self.name(action.release)
        fields = step.Params.model_fields
        given: dict[str, Any] = {"namespace": NAMESPACE, "app": "shop"} | EXTRA.get(action.step, {})
        if "release" in fields and (name is not None or fields["release"].is_required()):
            given["release"] = name or self.releases[-1]
        if name in self.oracle.answers:
            given["approved"] = self.oracle.answers[name]
        if action.insists:
            given |= INSISTING.get(action.step, {})
        kube = self._kube(action.lag)
        if disturbance is not None:
            self._disturb(kube, disturbance)
        # Argo never has two pods of one workflow at work on one step; who comes in between is another workflow's.
        run = "" if action.by_hand or name is None else f"run-{name}-{len(self.oracle.acting)}"
        world = World(kube, clock=self.clock, say=self.say, run=run)
        self.say(f"--- {action} {name}")
        with self._acting(action):
            try:
                step.run(step.Params.model_validate({k: v for k, v in given.items() if k in fields}), world)
            except (RainbowError, Killed) as error:
                self.broken_off += isinstance(error, (Killed, LostLock)) and action.step in SWITCHING
                self.say(f"{type(error).__name__}: {error}")
                return False
        return True

    def _kube(self, lag: int = 0) -> Swift:
        return Swift(None, attempts=1, _resources=_KNOWN, _paths=_PATHS, store=self.store, lag=lag)

    @contextlib.contextmanager
    def _acting(self, action: Action) -> Iterator[None]:
        begun = {name: self.oracle.deletion_begun(name) for name in self.releases}
        by_person = action.insists or action.step in BY_PEOPLE
        late = self._late(action.lag)
        self.oracle.acting.append(Run(action.step, by_person, self.metrics.fault, self.bus.fault, begun, late))
        try:
            yield
        finally:
            self.oracle.acting.pop()

    def _late(self, lag: int) -> frozenset[Key]:
        """What was not there yet so many writes ago."""
        past = self.store.past
        return frozenset(self.store.objects.keys() - past[-min(lag, len(past))].keys()) if lag and past else frozenset()

    def _disturb(self, kube: Swift, disturbance: Disturbance) -> None:
        requests = 0

        def called(_method: str, path: str) -> None:
            nonlocal requests
            if parse(path) is None:
                return  # what the API server has: only the first example of a process asks for it
            requests += 1
            if requests != disturbance.at:
                return
            self.clock.sleep(disturbance.pause)
            if disturbance.rival is not None:
                self.run(disturbance.rival)
            # Not while pods are given up: what begins on an idle pod in that very moment has its grace period to end.
            if disturbance.user is not None and self.oracle.acting[-1].step != "wait-for-drain":
                self.task(self.name(disturbance.user) if disturbance.user else None)
            if disturbance.kill and not disturbance.after:
                raise Killed

        def around(when: str) -> None:
            if when == "after" and disturbance.kill and disturbance.after and requests >= disturbance.at:
                raise Killed

        kube.called, kube.around = called, around


@cache
def _config(app: App) -> tuple[AppConfig, str]:
    return app.config, app.manifests


# What the API server has is asked for once by all: it does not change.
_KNOWN: dict[str, dict[str, tuple[str, bool]]] = {}
_PATHS: dict[tuple[Kind, str | None, str | None], str] = {}
