"""`delete` when work comes on the bus at any moment of it: what no metric shows yet keeps the release (B10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from emulated import START, Emulated, StoppedClock, Store, point_route

from rainbow.adapters import drain
from rainbow.adapters.kube import DEPLOYMENT
from rainbow.adapters.prometheus import Series
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.decisions.bus import BusWork
from rainbow.errors import RainbowError
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import delete
from tests.decisions.make import app

JETSTREAM = {"url": "nats://nats:4222", "stream": "tasks", "consumers": "workers-$release"}


@dataclass
class Bus:
    """The bus of one release: when it was asked, and what was found."""

    pending: int = 0
    problem: str | None = None
    found: list[BusWork] = field(default_factory=list)
    removed: bool = False

    def work(self, releases: Iterable[Release], _url: str | None = None) -> dict[str, BusWork]:
        """As the adapter gives it."""
        self.found.append(BusWork(pending=self.pending, problem=self.problem))
        return {release.id: self.found[-1] for release in releases}

    def remove(self, _app: Any, _release: str, _others: Any, _url: str | None = None) -> dict[str, str]:
        """The adapter removes only what has nothing left."""
        self.removed = not self.pending
        return {"workers-v1": "1 pending"} if self.pending else {}


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """v1 has no users since long and no task by its metric; v9 is current."""

    class Idle:
        def __init__(self, _url: str) -> None:
            self.asked = 0

        def scrapes(self, *_: Any) -> list[Any]:
            return []

        def vector(self, _query: str) -> list[Series]:
            self.asked += 1
            return [Series({}, 0.0, START + timedelta(hours=1, seconds=self.asked))]

    monkeypatch.setattr(drain, "Prometheus", Idle)
    kube = Emulated(None, attempts=1, store=Store())
    config = app(drain=app().drain.model_dump(mode="json", by_alias=True, exclude_none=True) | {"jetstream": JETSTREAM})
    long_ago = START - timedelta(days=1)
    for name in ("v1", "v9"):
        kube.create(new_record(ReleaseSpec(release=name, app=config, manifests="")))
        meta = {"name": f"web-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
    meta = {"name": "worker-v1", "namespace": "spawn", "labels": release_labels("spawn", "v1")}
    kube.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": 0}})
    note(kube, record(kube, "v1"), phase=Phase.DRAINED, live_at=long_ago, demoted_at=long_ago, drained_at=long_ago)
    note(kube, record(kube, "v9"), phase=Phase.CURRENT, traffic="100%", live_at=long_ago)
    point_route(kube, "web-v9")
    return kube


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Bus:
    """The bus in place of the real one."""
    found = Bus()
    monkeypatch.setattr(drain, "work_on_bus", found.work)
    monkeypatch.setattr("steps.removal.remove_from_bus", found.remove)
    return found


def record(kube: Emulated, name: str) -> Release:
    """The record as it is now."""
    return read_release(kube, "spawn", "spawn", name)


def run(kube: Emulated) -> str:
    """Run the step; what it said, and how it ended."""
    lines: list[str] = []
    try:
        delete.run(
            delete.Params(namespace="spawn", app="spawn", release="v9"),
            World(kube, clock=StoppedClock(), say=lines.append),
        )
    except RainbowError as error:
        lines.append(str(error))
    return "\n".join(lines)


def test_a_release_without_work_on_the_bus_goes_with_its_consumers(kube: Emulated, found: Bus) -> None:
    """The plain case, without which the others say nothing."""
    run(kube)
    assert record(kube, "v1").status.phase is Phase.DELETED
    assert kube.get(DEPLOYMENT, "spawn", "worker-v1") is None
    assert found.removed


@pytest.mark.parametrize("bus_work", [{"pending": 1}, {"problem": "the bus is away"}])
def test_work_or_silence_on_the_bus_keeps_it(kube: Emulated, found: Bus, bus_work: dict[str, Any]) -> None:
    """The metric says zero throughout."""
    for name, value in bus_work.items():
        setattr(found, name, value)
    said = run(kube)
    assert kube.get(DEPLOYMENT, "spawn", "worker-v1") is not None
    assert ("1 pending" if "pending" in bus_work else "the bus is away") in said


@pytest.mark.parametrize("moment", range(0, 150, 3))
def test_work_of_the_last_moment_is_found(kube: Emulated, found: Bus, moment: int) -> None:
    """A message comes at any request of the step: it is only not found where the bus had been asked for good."""
    calls = 0

    def publish(_method: str, _path: str) -> None:
        nonlocal calls
        calls += 1
        if calls == moment + 1:
            found.pending = 1
            found.found.clear()

    kube.called = publish
    run(kube)
    kube.called = lambda _method, _path: None
    gone = kube.get(DEPLOYMENT, "spawn", "worker-v1") is None
    if found.pending and found.found:  # it was asked after the message had come
        assert not gone
        assert record(kube, "v1").status.phase is not Phase.DELETED
    elif not found.pending:
        assert gone
    assert not (found.pending and found.removed)
