"""The stage on which steps run: one app in the emulated world, and a run that may be killed or overtaken anywhere."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from emulated import Emulated, Killed

from rainbow.adapters import kustomize, records
from rainbow.adapters.kube import Object
from rainbow.adapters.prometheus import Prometheus
from rainbow.adapters.proxy import Proxy
from rainbow.adapters.routes import backends
from rainbow.adapters.world import World
from rainbow.errors import RainbowError
from rainbow.model.app import AppConfig
from rainbow.model.release import Release, ReleaseSpec, new_record
from steps import deploy, load
from tests.deep.cluster import NAMESPACE, Living, Ticking, base
from tests.deep.metrics import Metrics
from tests.deep.oracle import Oracle, Run
from tests.deep.proxy import Traffic

# What a step is told besides, and what besides when it is a person who wants it whatever was before.
EXTRA: dict[str, dict[str, Any]] = {"wait-for-drain": {"max_wait": "20s"}, "hold": {"reason": "wait"}}
INSISTING: dict[str, dict[str, Any]] = {
    "switch": {"allow_older": True},
    "rollback": {"allow_rejected": True, "despite_hold": True},
    "redeploy": {"allow_rejected": True},
}
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
        self.clock = Ticking()
        self.store = Living(clock=self.clock.now, remember=4)
        self.metrics = Metrics(self.store, self.clock)
        self.traffic = Traffic(self.store, self.clock)
        self.clock.tick = self.metrics.scrape
        self.oracle = Oracle(self.store, self.clock, self.metrics, self.traffic)
        self.store.guard = self.oracle.guard
        self.releases: list[str] = []
        self.config: AppConfig | None = None
        self._task = 0
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(Proxy, "ask", lambda _self, host, path: self.traffic.answer(host, path))
        self.patches.setattr(Prometheus, "__init__", lambda _self, _url: None)
        self.patches.setattr(Prometheus, "vector", lambda _self, query, _at=None: self.metrics.vector(query))
        self.patches.setattr(records, "Clock", lambda: self.clock)
        self.patches.setattr(kustomize, "build", _build)
        _remember(self.patches)

    def name(self, number: int) -> str:
        """The release of that number."""
        return self.releases[number % len(self.releases)]

    def submit(self) -> None:
        """A record, and a workflow that is at work on it."""
        assert self.config is not None
        name = f"rel{len(self.releases)}"
        self.releases.append(name)
        kube = Emulated(None, attempts=1, store=self.store)
        kube.create(new_record(ReleaseSpec(release=name, app=self.config, manifests=_BASE)))
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
            name = pods[self._task % len(pods)]["metadata"]["name"]
            self.store.tasks[self._task] = ("pods", NAMESPACE, name)

    def run(self, action: Action, disturbance: Disturbance | None = None) -> bool:
        """Run a step to its end, or to where it is killed. What it refuses is no failure; any other error is one."""
        step, name = load(action.step), None if action.release is None else self.name(action.release)
        fields = step.Params.model_fields
        given: dict[str, Any] = {"namespace": NAMESPACE, "app": "shop"} | EXTRA.get(action.step, {})
        if "release" in fields and (name is not None or fields["release"].is_required()):
            given["release"] = name or self.releases[-1]
        if action.insists:
            given |= INSISTING.get(action.step, {})
        kube = Emulated(None, attempts=1, store=self.store, lag=action.lag)
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
                self.say(f"{type(error).__name__}: {error}")
                return False
        return True

    @contextlib.contextmanager
    def _acting(self, action: Action) -> Iterator[None]:
        begun = {name: self.oracle.deletion_begun(name) for name in self.releases}
        by_person = action.insists or action.step in BY_PEOPLE
        self.oracle.acting.append(Run(action.step, by_person, self.metrics.fault, begun))
        try:
            yield
        finally:
            self.oracle.acting.pop()

    def _disturb(self, kube: Emulated, disturbance: Disturbance) -> None:
        requests = 0

        def called(_method: str, _path: str) -> None:
            nonlocal requests
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


_BASE = base()
_RENDERED: dict[str, str] = {}
_LOADED: dict[str, str] = {}
_real_build = kustomize.build


def _build(folder: Path) -> str:
    """Kustomize itself, once for all releases that differ in nothing but their id."""
    text = (folder / "kustomization.yaml").read_text()
    name = json.loads(text)["nameSuffix"].removeprefix("-")
    key = (text + (folder / "base.yaml").read_text()).replace(name, "rel0")
    if key not in _RENDERED:
        _RENDERED[key] = _real_build(folder).replace(name, "rel0")
    return _RENDERED[key].replace("rel0", name)


def _remember(patches: pytest.MonkeyPatch) -> None:
    """What is read a thousand times is parsed once: base manifests, and each version of a record (both are frozen)."""
    parsed: dict[tuple[str, str], Release] = {}
    read, parse = Release.from_object, kustomize.load_objects

    def from_object(obj: Object) -> Release:
        key = (obj["metadata"]["uid"], obj["metadata"]["resourceVersion"])
        if key not in parsed:
            parsed[key] = read(obj)
        return parsed[key]

    def load_objects(text: str) -> list[Object]:
        if text not in _LOADED:
            _LOADED[text] = json.dumps(parse(text))
        objects: list[Object] = json.loads(_LOADED[text])
        return objects

    patches.setattr(Release, "from_object", from_object)
    for module in (kustomize, deploy, backends):
        patches.setattr(module, "load_objects", load_objects, raising=False)
