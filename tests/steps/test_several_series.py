"""A drain query that gives several series where one is expected: a mistake, told from what passes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from emulated import START, Emulated, StoppedClock, Store, point_route

from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.kube import DEPLOYMENT
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.prometheus import Prometheus, Series
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.decisions.drain import DrainState
from rainbow.errors import BadInput, TemporaryError
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps import collect_garbage, wait_for_drain
from tests.decisions.make import app

SEVERAL: dict[str, list[float]] = {"v1": [0, 0, 2], "v2": [0]}


@dataclass
class Answers:
    """What Prometheus gives to the drain query at each look: the values of the series, by the release asked about."""

    looks: list[dict[str, list[float]]]
    asked: int = 0

    def vector(self, query: str, _at: datetime | None = None) -> list[Series]:
        """Each release is asked about once at a look."""
        given = self.looks[min(self.asked // len(self.looks[0]), len(self.looks) - 1)]
        self.asked += 1
        (release,) = [name for name in given if f'"{name}"' in query]
        evaluated = START + timedelta(seconds=self.asked)
        return [Series({"pod": str(n)}, value, evaluated) for n, value in enumerate(given[release])]


def _draining(monkeypatch: pytest.MonkeyPatch, *looks: dict[str, list[float]]) -> Emulated:
    """v1 and v2 are draining, v3 is current; none of them has pods, so that the query alone counts."""
    kube, answers = Emulated(None, attempts=1, store=Store()), Answers(list(looks))
    monkeypatch.setattr(Prometheus, "vector", answers.vector)
    for number, name in enumerate(("v1", "v2", "v3")):
        kube.create(new_record(ReleaseSpec(release=name, app=app(), manifests="")))
        labels = {"namespace": "spawn", "labels": release_labels("spawn", name)}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"web-{name}"} | labels, "spec": {}})
        work = {"metadata": {"name": f"work-{name}"} | labels, "spec": {"replicas": 0}}
        kube.create({"apiVersion": "apps/v1", "kind": "Deployment"} | work)
        live = START + timedelta(minutes=number)
        draining = {"demoted_at": START + timedelta(minutes=9), "phase": Phase.DRAINING, "traffic": "-"}
        note(kube, read_release(kube, "spawn", "spawn", name), live_at=live, **({} if name == "v3" else draining))
    point_route(kube, "web-v3")
    return kube


class Late(StoppedClock):
    """Hours after everything was made."""

    def now(self) -> datetime:
        """The time."""
        return super().now() + timedelta(hours=3)


def _wait(kube: Emulated) -> None:
    names = {"namespace": "spawn", "app": "spawn", "release": "v3", "max_wait": "10m"}
    params = wait_for_drain.Params.model_validate(names)
    wait_for_drain.run(params, World(kube, clock=StoppedClock(), say=lambda _line: None))


def test_a_query_that_gives_several_series_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 after as many looks as zeros would take, with query, number and fix; the release is kept."""
    kube = _draining(monkeypatch, {"v1": [0, 0, 2], "v2": [1]})
    with pytest.raises(BadInput) as raised:
        _wait(kube)
    said = str(raised.value)
    assert raised.value.exit_code == 2
    assert said.startswith("app spawn in namespace spawn: ")
    assert "v1: active tasks unknown: drain.prometheus.query gave 3 series instead of one" in said
    assert 'sum(tasks{release="$release"})' in said
    assert "for example with sum()" in said
    assert "v2: " not in said
    status = read_release(kube, "spawn", "spawn", "v1").status
    assert (status.phase, status.tasks, status.drained_at) == (Phase.DRAINING, "unknown", None)
    assert "gave 3 series" in (status.blocker or "")
    assert read_release(kube, "spawn", "spawn", "v2").status.tasks == "1"


def test_several_series_for_a_moment_are_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks of three are no row: as unknown as any other look without a number."""
    kube = _draining(monkeypatch, SEVERAL, SEVERAL, {"v1": [1], "v2": [0]})
    with pytest.raises(TemporaryError, match="still waiting after 10m: waiting for v1: 1 active task"):
        _wait(kube)


def test_garbage_collection_names_it_and_goes_on_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0, as for all that is kept; the older release whose query is right goes."""
    kube, lines = _draining(monkeypatch, SEVERAL), list[str]()
    params = collect_garbage.Params.model_validate({"namespace": "spawn"})
    collect_garbage.run(params, World(kube, clock=Late(), say=lines.append))
    (kept,) = [line for line in lines if line.startswith("spawn/spawn v1: keep")]
    assert "drain.prometheus.query gave 3 series instead of one, a mistake that does not pass by itself" in kept
    left = {name for name in ("v1", "v2", "v3") if kube.get(DEPLOYMENT, "spawn", f"work-{name}") is not None}
    assert left == {"v1", "v3"}


RIGHT = 'max(tasks{release="$release"})'


def _policy(kube: Emulated) -> None:
    head = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "spawn", "namespace": "spawn"}}
    kube.create(head | {"spec": {"drain": {"prometheus": {"query": RIGHT}}}})


def test_a_policy_puts_the_question_right_for_releases_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their records keep what they brought along; both ways to a deletion ask by the policy."""
    kube, lines = _draining(monkeypatch, SEVERAL), list[str]()
    several: Any = Prometheus.vector

    def vector(_server: Prometheus, query: str, at: datetime | None = None) -> list[Series]:
        found: list[Series] = several(query, at)
        return found[:1] if query.startswith("max") else found

    monkeypatch.setattr(Prometheus, "vector", vector)
    with pytest.raises(BadInput, match=r"rainbow policy set -n spawn spawn 'drain\.prometheus\.query=QUERY'"):
        _wait(kube)
    _policy(kube)
    _wait(kube)
    assert read_release(kube, "spawn", "spawn", "v1").status.drained_at is not None
    params = collect_garbage.Params.model_validate({"namespace": "spawn"})
    collect_garbage.run(params, World(kube, clock=Late(), say=lines.append))
    left = {name for name in ("v1", "v2", "v3") if kube.get(DEPLOYMENT, "spawn", f"work-{name}") is not None}
    assert left == {"v3"}


def test_what_was_answered_before_the_question_changed_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros of the wrong question are no evidence: the row begins anew."""
    kube, clock = _draining(monkeypatch, {"v1": [0]}), Late()
    watch, release = DrainWatch(kube, clock), read_release(kube, "spawn", "spawn", "v1")
    for _ in range(3):
        clock.sleep(60)
        found = watch.look([release])["v1"]
    assert found.state is DrainState.DRAINED
    _policy(kube)
    asked = under(read_policy(kube, "spawn", "spawn"), release)
    states = []
    for _ in range(3):
        clock.sleep(60)
        states.append(watch.look([asked])["v1"].state)
    assert states == [DrainState.SETTLING, DrainState.SETTLING, DrainState.DRAINED]
