"""Shrinking against everything that happens at the same time, with a ReplicaSet that ends pods by their cost (B8).

Pods, bus and Prometheus are played: messages are published, given to any pod and finished at any time, scrapes lag
behind, the ReplicaSet knows of costs only what was so before the look, and two wait for the same release, each of them
killed and started again at any write. Whatever is drawn: no pod at work is ended.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import pytest
from emulated import START, Emulated, Killed, StoppedClock, Store, point_route
from hypothesis import given, settings
from hypothesis import strategies as st

from rainbow.adapters import shrink_watch
from rainbow.adapters.kube import DEPLOYMENT, POD, Object
from rainbow.adapters.prometheus import Prometheus, Series
from rainbow.adapters.records import note, read_release
from rainbow.adapters.shrink_watch import COST, ShrinkWatch
from rainbow.adapters.shrinking import restore_replicas
from rainbow.decisions.bus import BusWork
from rainbow.decisions.evidence import Scrape
from rainbow.decisions.switch import SWITCHING
from rainbow.errors import Conflict
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from tests.decisions.make import app

PODS = 4
URL = "http://prometheus:9090"
NAME = "worker-v1"


@dataclass
class Plant:
    """A draining release of some pods: what they really do, and what others know of it."""

    kube: Emulated
    chance: random.Random
    clock: StoppedClock = field(default_factory=StoppedClock)
    has_bus: bool = True
    tasks: dict[str, int] = field(default_factory=dict)  # pod → what it is doing
    scraped: dict[str, tuple[datetime, int] | None] = field(default_factory=dict)  # None: its target is down
    costs: dict[str, int] = field(default_factory=dict)  # what the ReplicaSet has heard of
    pending: int = 0
    delivered: int = 0
    made: int = 0

    # --- the release -----------------------------------------------------------------------------------------

    def build(self) -> None:
        """v1 drains with its pods, v2 is current."""
        drain = app().drain.model_dump(mode="json", by_alias=True, exclude_none=True)
        drain["shrink"] = {"query": 'tasks{release="$release"}', "workloads": ["worker"], "minimum": 1}
        config = app(drain=drain)
        for name in ("v1", "v2"):
            self.kube.create(new_record(ReleaseSpec(release=name, app=config, manifests="")))
            meta = {"name": f"web-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
            self.kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
        point_route(self.kube, "web-v2")
        note(self.kube, self.record, phase=Phase.DRAINING, live_at=START, demoted_at=START, traffic="-")
        meta = {"name": NAME, "namespace": "spawn", "labels": release_labels("spawn", "v1"), "generation": 1}
        self.kube.create(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": PODS}, "status": {}}
        )
        self.reconcile()

    @property
    def record(self) -> Release:
        """The record of v1."""
        return read_release(self.kube, "spawn", "spawn", "v1")

    @property
    def deployment(self) -> Object:
        """Its Deployment."""
        return self.kube.store.objects["deployments", "spawn", NAME]

    @property
    def pods(self) -> list[Object]:
        """Its pods."""
        return [o for key, o in self.kube.store.objects.items() if key[0] == "pods"]

    def reconcile(self) -> None:
        """The controllers: as many pods as wanted, the ones that go by readiness, then by the costs heard of."""
        wanted = self.deployment["spec"]["replicas"]
        chosen = sorted(self.pods, key=lambda pod: (self.costs.get(pod["metadata"]["name"], 0), self.chance.random()))
        for pod in chosen[: max(0, len(chosen) - wanted)]:
            name = pod["metadata"]["name"]
            assert self.tasks.pop(name) == 0, f"{name} was at work"
            del self.scraped[name]
            self.kube.store.remove(("pods", "spawn", name))
        for _ in range(wanted - len(self.pods)):
            self._start()
        status = {"replicas": wanted, "updatedReplicas": wanted, "observedGeneration": 1}
        if self.deployment["status"] != status:
            self.kube.store.put(("deployments", "spawn", NAME), self.deployment | {"status": status})

    def _start(self) -> None:
        self.made += 1
        name = f"{NAME}-5f6c8-{self.made}"
        owner = {"kind": "ReplicaSet", "name": f"{NAME}-5f6c8", "uid": "rs", "controller": True}
        labels = release_labels("spawn", "v1") | {"pod-template-hash": "5f6c8"}
        meta = {"name": name, "namespace": "spawn", "labels": labels, "ownerReferences": [owner]}
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.tasks[name], self.scraped[name] = 0, None
        self.kube.store.put(
            ("pods", "spawn", name), {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": status}
        )

    def hear(self) -> None:
        """The ReplicaSet's cache catches up with the costs."""
        for pod in self.pods:
            self.costs[pod["metadata"]["name"]] = int((pod["metadata"].get("annotations") or {}).get(COST, 0))

    # --- work ------------------------------------------------------------------------------------------------

    def give(self) -> None:
        """A message goes to any pod; without a bus the pod just begins something."""
        if self.tasks and (self.pending or not self.has_bus):
            self.pending -= self.has_bus
            self.delivered += 1
            self.tasks[self.chance.choice(sorted(self.tasks))] += 1

    def finish(self) -> None:
        """Some pod is done with something."""
        if busy := [name for name, count in self.tasks.items() if count]:
            self.tasks[self.chance.choice(sorted(busy))] -= 1

    # --- what others know of it --------------------------------------------------------------------------------

    def scrape(self, *, down: bool = False) -> None:
        """Prometheus looks at one pod."""
        if self.tasks:
            name = self.chance.choice(sorted(self.tasks))
            self.scraped[name] = None if down else (self.clock.now(), self.tasks[name])

    def scrape_all(self) -> None:
        """Prometheus looks at every pod."""
        self.scraped = {name: (self.clock.now(), count) for name, count in self.tasks.items()}

    def scrapes(self, _namespace: str, names: list[str]) -> list[Scrape]:
        """As the adapter gives them."""
        now = self.clock.now()
        found = {name: self.scraped.get(name) for name in names}
        return [Scrape(name, seen is not None, seen[0], now - seen[0]) for name, seen in found.items() if seen]

    def vector(self, _query: str) -> list[Series]:
        """The tasks of each pod as last scraped."""
        now = self.clock.now()
        return [Series({"pod": name}, float(seen[1]), now) for name, seen in self.scraped.items() if seen]

    def bus(self, releases: list[Release], _url: str | None) -> dict[str, BusWork]:
        """What the bus says at this moment."""
        if not self.has_bus:
            return {}
        return {releases[0].id: BusWork(self.pending, sum(self.tasks.values()), self.delivered)}


def drawn(seed: int) -> random.Random:
    """Chance that comes the same each time."""
    return random.Random(seed)  # noqa: S311 - nothing is to be kept secret


@contextmanager
def played(chance: random.Random, *, has_bus: bool = True) -> Iterator[tuple[Plant, ShrinkWatch]]:
    """The plant, and who shrinks it."""
    kube = Emulated(None, attempts=1, store=Store())
    plant = Plant(kube, chance, has_bus=has_bus)
    plant.build()
    watch = another(plant)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shrink_watch, "work_on_bus", plant.bus)
        yield plant, watch


def look(plant: Plant, watch: ShrinkWatch) -> None:
    """One look; the ReplicaSet acts at once, by the costs of before, and hears of the new ones only after it."""
    try:
        watch.look(plant.record, "v2")
    except Conflict:
        return
    finally:
        plant.reconcile()
        plant.hear()


def killed(plant: Plant, watch: ShrinkWatch) -> None:
    """A look that ends after its first write; what comes after it knows nothing of before."""

    def kill(when: str) -> None:
        if when == "after":
            raise Killed

    plant.kube.around = kill
    with suppress(Killed):
        look(plant, watch)
    plant.kube.around, plant.kube.dead = lambda _when: None, False
    watch._glimpses.clear()
    watch._quiet.clear()


def another(plant: Plant) -> ShrinkWatch:
    """Somebody who waits for the release."""
    watch = ShrinkWatch(plant.kube, plant.clock)
    watch._servers[URL] = cast("Prometheus", plant)
    return watch


def settle(plant: Plant, watch: ShrinkWatch, looks: int = 5) -> None:
    """Nothing happens any more but looks and scrapes."""
    for _ in range(looks):
        plant.clock.sleep(15)
        plant.scrape_all()
        look(plant, watch)


WORK = ("publish", "give", "give", "finish", "finish")
SEEING = ("scrape", "scrape", "scrape all", "down", "time")
# A round is what brings it on: time, a scrape of every pod, a look. Some in a row without a delivery, and pods go.
events = st.lists(
    st.sampled_from((*WORK, *SEEING, "look", "kill")) | st.just("round") | st.just("round"), min_size=5, max_size=50
)


def happen(plant: Plant, watch: ShrinkWatch, event: str) -> None:
    """One thing."""
    match event:
        case "publish":
            plant.pending += 1
        case "give":
            plant.give()
        case "finish":
            plant.finish()
        case "scrape":
            plant.scrape()
        case "scrape all":
            plant.scrape_all()
        case "down":
            plant.scrape(down=True)
        case "time":
            plant.clock.sleep(15)
        case "look":
            look(plant, watch)
        case "round":
            settle(plant, watch, looks=1)
        case "kill":
            killed(plant, watch)


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(events, st.randoms(use_true_random=False), st.sets(st.integers(0, 150), max_size=4))
def test_no_pod_at_work_is_ended(happened: list[str], chance: random.Random, moments: set[int]) -> None:
    """Messages are given to any pod at any time, also in the middle of a look; in the end only the busy ones stay."""
    with played(chance) as (plant, watch):
        calls = iter(range(10**9))

        def meanwhile(method: str, path: str) -> None:
            # Between the last look at the bus and the write itself nobody can know; the pod's grace period is for that.
            if next(calls) in moments and not (method == "PATCH" and "/deployments/" in path):
                plant.pending += 1
                plant.give()

        plant.kube.called = meanwhile
        watches = [watch, another(plant)]
        for event in happened:
            happen(plant, chance.choice(watches), event)
        plant.kube.called = lambda _method, _path: None
        while plant.pending:
            plant.give()
        settle(plant, watch)
        busy = sum(count > 0 for count in plant.tasks.values())
        assert len(plant.tasks) == max(1, busy)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(events, st.randoms(use_true_random=False))
def test_without_a_bus_a_pod_seen_at_work_is_never_ended(happened: list[str], chance: random.Random) -> None:
    """Where only the metric tells, whoever is at work when it is scraped stays; what begins later is seen later."""
    with played(chance, has_bus=False) as (plant, watch):
        for event in happened:
            if event == "give":
                plant.give()
                plant.scrape_all()
            happen(plant, watch, "time" if event == "give" else event)
        settle(plant, watch)
        assert len(plant.tasks) == max(1, sum(count > 0 for count in plant.tasks.values()))


def test_idle_pods_go_at_the_third_look_at_the_earliest() -> None:
    """Two scrapes that agree, then the marks, then the number; the Deployment tells how many there were."""
    with played(drawn(1)) as (plant, watch):
        sizes = []
        for _ in range(5):
            settle(plant, watch, looks=1)
            sizes.append(plant.deployment["spec"]["replicas"])
        assert sizes == [4, 4, 4, 1, 1]
        assert plant.deployment["metadata"]["annotations"] == {"rainbow.dev/replicas": "4"}


@pytest.mark.parametrize("seed", range(12))
def test_a_mark_is_not_taken_off_by_somebody_who_knows_less(seed: int) -> None:
    """One is about to lower the number; another, whose scrape of the idle pod failed, looks at that very moment."""
    with played(drawn(seed), has_bus=False) as (plant, watch):
        busy, idle, *_ = sorted(plant.tasks)
        plant.tasks[busy] = 1
        settle(plant, watch, looks=2)  # the idle ones are marked, and the next look lowers the number
        other = another(plant)
        plant.scraped[idle] = None
        look(plant, other)
        plant.clock.sleep(15)
        plant.scrape_all()

        def meanwhile(method: str, path: str) -> None:
            if method == "PATCH" and path.endswith("/scale"):
                plant.kube.called = lambda _method, _path: None
                with suppress(Conflict):
                    other.look(plant.record, "v2")
                plant.hear()

        plant.kube.called = meanwhile
        look(plant, watch)
        assert plant.kube.called is not meanwhile
        settle(plant, watch)
        assert list(plant.tasks) == [busy]


def test_a_held_release_stays_whole() -> None:
    """Whoever holds it wants to look at it as it is."""
    with played(drawn(1)) as (plant, watch):
        note(plant.kube, plant.record, hold={"reason": "looking", "by": "ops", "at": START})
        settle(plant, watch)
        assert len(plant.tasks) == PODS


@pytest.mark.parametrize("what", ["no target", "too old", "two series"])
def test_an_unknown_pod_is_a_busy_one(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go; the one that nobody knows anything of stays."""
    with played(drawn(2)) as (plant, watch):
        name, plain = min(plant.tasks), plant.vector
        for _ in range(6):
            plant.clock.sleep(15)
            plant.scrape_all()
            if what == "no target":
                plant.scraped[name] = None
            elif what == "too old":
                plant.scraped[name] = (plant.clock.now() - timedelta(minutes=5), 0)
            else:
                monkeypatch.setattr(plant, "vector", lambda query: [*plain(query), Series({"pod": name}, 0.0, START)])
            look(plant, watch)
        assert list(plant.tasks) == [name]


def restored_at(moment: int) -> Plant:
    """A release that shrinks, and in the middle of it, at some call, somebody switches back to it."""
    with played(drawn(moment)) as (plant, watch):
        settle(plant, watch, looks=3)
        calls = iter(range(10**9))

        def switch(_method: str, _path: str) -> None:
            if next(calls) == moment:
                plant.kube.called = lambda _method, _path: None
                marked = note(plant.kube, plant.record, traffic=SWITCHING)
                restore_replicas(plant.kube, marked)

        plant.kube.called = switch
        settle(plant, watch, looks=1)
        if plant.kube.called is switch:
            assert moment >= next(calls) - 1
            restore_replicas(plant.kube, note(plant.kube, plant.record, traffic=SWITCHING))
        settle(plant, watch, looks=2)
        return plant


@pytest.mark.parametrize("moment", range(14))
def test_whoever_switches_back_finds_the_release_whole(moment: int) -> None:
    """Whatever the two do first: once it is marked and restored, nobody lowers the number (S10)."""
    plant = restored_at(moment)
    assert plant.deployment["spec"]["replicas"] == PODS
    assert "rainbow.dev/replicas" not in plant.deployment["metadata"]["annotations"]


def test_restoring_is_done_once_and_again_without_harm() -> None:
    """Twice is as good as once; a number that somebody raised meanwhile stays."""
    with played(drawn(3)) as (plant, watch):
        settle(plant, watch)
        assert plant.deployment["spec"]["replicas"] == 1
        assert restore_replicas(plant.kube, plant.record) == ["worker"]
        marked = note(plant.kube, plant.record, traffic=SWITCHING)
        assert restore_replicas(plant.kube, marked) == []
        # Written all the same, and not with what it had: only then has it another version for who has read it before.
        assert plant.deployment["metadata"]["annotations"] == {"rainbow.dev/restored": marked.resource_version}
        plant.kube.patch(DEPLOYMENT, "spawn", NAME, {"spec": {"replicas": PODS + 2}})
        assert restore_replicas(plant.kube, plant.record) == []
        assert plant.deployment["spec"]["replicas"] == PODS + 2
        assert len(plant.kube.list(POD, "spawn")) == 1  # nobody has reconciled: only the number is ours
