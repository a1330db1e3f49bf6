"""Prometheus answers a number, or nothing that could be taken for one (B1): against the real thing."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rainbow.adapters import prometheus
from rainbow.adapters.prometheus import Prometheus, Unanswered, fill_in
from rainbow.decisions.evidence import Evidence, Pod, Sample, judge
from tests.adapters.local_prometheus import Answering, LocalPrometheus, eventually, local_prometheus
from tests.decisions.make import NOW, POLICY

pytestmark = pytest.mark.slow

PODS = {
    "idle": "tasks 0\n",
    "busy": "tasks 3\n",
    "b.with-dot": "tasks 5\n",
    "nan": "tasks NaN\n",
    "queues": 'tasks{queue="x"} 0\ntasks{queue="y"} 0\n',
    "other": "something_else 0\n",
    "failing": "tasks 4\n",
    "leaving": "tasks 4\n",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPrometheus]:
    """One Prometheus for the module, with a pod of every kind; it needs five seconds to find them."""
    with local_prometheus(tmp_path_factory.mktemp("prometheus"), PODS) as started:
        everything = Prometheus(started.url)
        eventually(lambda: len(everything.scrapes("spawn", PODS)) == len(PODS), "all pods are scraped")
        yield started


def tasks_of(*pods: str) -> str:
    """The drain query of a release that consists of these pods."""
    return f'sum(tasks{{namespace="spawn",release="v1",pod=~"{"|".join(pods)}"}})'


def look(server: LocalPrometheus, *pods: str, query: str | None = None) -> Sample:
    """What a look at these running pods is worth."""
    try:
        api = Prometheus(server.url)
        scrapes = tuple(api.scrapes("spawn", pods))
        tasks = tuple(series.value for series in api.vector(query or tasks_of(*pods)))
    except Unanswered as error:
        return judge(Evidence(NOW, problem=str(error)), POLICY)
    running = tuple(Pod(pod, "Running", "worker") for pod in pods)
    return judge(Evidence(NOW, running, (), scrapes, tasks), POLICY)


@pytest.mark.parametrize(
    ("pods", "tasks"), [(["idle"], 0), (["busy"], 3), (["idle", "busy", "b.with-dot"], 8)], ids=str
)
def test_the_number_of_tasks_is_read(server: LocalPrometheus, pods: list[str], tasks: int) -> None:
    """Zero is zero and three are three, over all pods, with the time of the scrape behind it."""
    found = look(server, *pods)
    assert found.tasks == tasks
    assert found.age < timedelta(seconds=5)


def test_scrapes_advance(server: LocalPrometheus) -> None:
    """Two looks at the same scrape can be told from two samples."""
    before = look(server, "idle").last_scrape
    assert before is not None
    eventually(lambda: (look(server, "idle").first_scrape or before) > before, "a later scrape")


def test_not_a_number_is_unknown(server: LocalPrometheus) -> None:
    """NaN is not compared with zero."""
    assert math.isnan(Prometheus(server.url).vector(tasks_of("nan"))[0].value)
    found = look(server, "nan")
    assert found.tasks is None
    assert "nan" in found.why


def test_several_series_are_unknown(server: LocalPrometheus) -> None:
    """No series is picked out of several, though all are zero."""
    found = look(server, "queues", query='tasks{pod="queues"}')
    assert found.tasks is None
    assert "2 series" in found.why


def test_no_series_is_unknown(server: LocalPrometheus) -> None:
    """The pod is scraped, but has no such metric."""
    found = look(server, "other")
    assert found.tasks is None
    assert "no series" in found.why


@pytest.mark.parametrize("query", ["1 - 1", "scalar(sum(tasks))", '"0"', "tasks[1m]"])
def test_what_is_no_instant_vector_is_unknown(server: LocalPrometheus, query: str) -> None:
    """A scalar zero counts nothing that exists; a range holds old values."""
    found = look(server, "idle", query=query)
    assert found.tasks is None
    assert "no instant vector" in found.why


def test_a_broken_query_is_unknown(server: LocalPrometheus) -> None:
    """HTTP 400 names the query's mistake."""
    found = look(server, "idle", query="sum(")
    assert found.tasks is None
    assert "400" in found.why


def test_a_running_pod_that_is_no_target_makes_zero_unknown(server: LocalPrometheus) -> None:
    """Partial: the sum of those that are scraped says nothing about the one that is not."""
    found = look(server, "idle", "unheard-of")
    assert found.tasks is None
    assert "no target for running pod unheard-of" in found.why


def test_a_target_that_is_down_makes_zero_unknown(server: LocalPrometheus) -> None:
    """Its tasks vanish from the sum when its scrape fails."""
    assert look(server, "idle", "failing").tasks == 4
    server.pods["failing"].status = 500
    eventually(lambda: "up is 0" in look(server, "idle", "failing").why, "the pod is seen to be down")
    assert [series.value for series in Prometheus(server.url).vector(tasks_of("idle", "failing"))] == [0]


@pytest.mark.slow
def test_a_target_that_went_away_makes_zero_unknown(server: LocalPrometheus) -> None:
    """A pod that still runs and works, but is not discovered any more."""
    assert look(server, "idle", "leaving").tasks == 4
    server.forget("leaving")
    eventually(lambda: "no target" in look(server, "idle", "leaving").why, "the target is gone")
    assert [series.value for series in Prometheus(server.url).vector(tasks_of("idle", "leaving"))] == [0]


@pytest.mark.slow
def test_an_old_scrape_is_unknown(server: LocalPrometheus) -> None:
    """Prometheus goes on answering from what it has for five minutes: up is 1, the tasks are 0, and both are old."""
    server.signal(signal.SIGSTOP)
    server.pods[
        "idle"
    ].body = None  # the next scrape gets no answer: until it is given up, the last one is all there is
    time.sleep(1.5)
    server.signal(signal.SIGCONT)
    try:
        scrapes = tuple(Prometheus(server.url).scrapes("spawn", ["idle"]))
    finally:
        server.pods["idle"].body = PODS["idle"]
    evidence = Evidence(NOW, (Pod("idle", "Running", "worker"),), (), scrapes, (0.0,))
    found = judge(evidence, replace(POLICY, max_age=timedelta(seconds=1)))
    assert found.tasks is None
    assert "old" in found.why


def test_prometheus_that_hangs_is_unknown(server: LocalPrometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for an answer, and none is made up."""
    monkeypatch.setattr(prometheus, "TIMEOUT", (0.3, 0.3))
    server.signal(signal.SIGSTOP)
    try:
        found = look(server, "idle")
    finally:
        server.signal(signal.SIGCONT)
    assert found.tasks is None
    assert "did not answer" in found.why


def test_prometheus_that_was_killed_is_unknown(tmp_path: Path) -> None:
    """Connection refused."""
    with local_prometheus(tmp_path, {}) as server:
        assert Prometheus(server.url).vector("vector(0)")[0].value == 0
        server.signal(signal.SIGKILL)
        server.process.wait()
        found = look(server, "idle", query="vector(0)")
    assert found.tasks is None
    assert "did not answer" in found.why


ZERO = {"metric": {}, "value": [1, "0"]}
NO_ANSWERS = {
    "an error of the server": ("oops", 500),
    "not found": ("", 404),
    "a page of a login": ("<html>please log in</html>", 200),
    "an empty answer": ("", 200),
    "half an answer": ('{"status": "success", "data": {"resu', 200),
    "JSON of something else": ("[]", 200),
    "JSON without data": ('{"status": "success"}', 200),
    "JSON null": ("null", 200),
    "a partial response": (
        json.dumps({"status": "success", "warnings": ["store away"], "data": {"result": [ZERO]}}),
        200,
    ),
    "an error with status 200": (json.dumps({"status": "error", "error": "x", "data": {"result": [ZERO]}}), 200),
    "no result": (json.dumps({"status": "success", "data": {"result": None}}), 200),
    "a value that is no number": (
        json.dumps({"status": "success", "data": {"result": [{"metric": {}, "value": [1, "zero"]}]}}),
        200,
    ),
    "a value that is null": (
        json.dumps({"status": "success", "data": {"result": [{"metric": {}, "value": [1, None]}]}}),
        200,
    ),
}


@pytest.mark.parametrize("case", NO_ANSWERS)
def test_no_answer_is(case: str) -> None:
    """What a real Prometheus would not say, but a proxy in front of it may."""
    stand_in = Answering(*NO_ANSWERS[case])
    try:
        with pytest.raises(Unanswered):
            Prometheus(f"http://{stand_in.address}").vector("up")
        assert stand_in.asked
    finally:
        stand_in.close()


def test_names_are_filled_in_and_nothing_else() -> None:
    """$ at the end of a regex stays what it is."""
    query = 'sum(t{ns="$namespace",app="$app",release="$release",x=~"a$",y="$releases"})'
    filled = 'sum(t{ns="spawn",app="shop",release="v1",x=~"a$",y="$releases"})'
    assert fill_in(query, "spawn", "shop", "v1") == filled
