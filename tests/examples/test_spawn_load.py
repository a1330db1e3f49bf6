"""The demo's load tells the truth: success when nothing happened, and every kind of harm when it did (J2)."""

from __future__ import annotations

import json
import time

import pytest
from load import Load, Plan
from spawn_fleet import Fleet, eventually, free_port

pytestmark = pytest.mark.slow

QUICK = (0.0, 0.2, 0.5)


def test_a_quiet_time_is_harmless(fleet: Fleet) -> None:
    """All requests succeed, all tasks finish where they began, and the answering release is noted with its moments."""
    begin = time.time()
    load = Load(Plan(fleet.find("api", "v1").url, rate=40, tasks_per_second=10, task_seconds=QUICK))
    load.start()
    eventually("some tasks are started", lambda: len(load.snapshot().tasks) >= 5)
    results = load.stop()
    assert results.harmless, results.summary()
    assert {task.finished_release for task in results.tasks} == {"v1"}
    (moments,) = results.switch_moments.values()
    assert begin < moments.first < moments.last < time.time()
    assert moments.answers == results.requests_sent
    json.dumps(results.summary())


def test_a_failing_server_is_noticed() -> None:
    """Nobody listens: every request is a failure that says so."""
    load = Load(Plan(f"http://127.0.0.1:{free_port()}", rate=50, tasks_per_second=5))
    load.start()
    eventually("requests were sent", lambda: load.snapshot().requests_sent >= 10)
    results = load.stop()
    assert results.requests_failed == results.requests_sent
    assert not results.harmless
    assert "ClientConnectorError" in results.failures[0].error


def test_a_lost_task_is_noticed(own_fleet: Fleet) -> None:
    """Without workers no task finishes: each is lost when its time is over."""
    api = own_fleet.start("api", "v1")
    own_fleet.wait_until_ready()
    load = Load(Plan(api.url, rate=10, tasks_per_second=10, task_seconds=(0,), max_tasks=3, task_allowance=0.3))
    load.start()
    eventually("all are lost", lambda: len(load.snapshot().lost) == 3)
    results = load.stop()
    assert (len(results.tasks), len(results.finished), results.requests_failed) == (3, 0, 0)
    assert not results.harmless


def test_the_bounds_hold(fleet: Fleet) -> None:
    """A load ends by itself at the number of requests and tasks that it was allowed."""
    load = Load(
        Plan(
            fleet.find("api", "v1").url, rate=200, tasks_per_second=50, task_seconds=(0,), max_requests=40, max_tasks=2
        )
    )
    load.start()
    time.sleep(0.6)
    results = load.stop()
    assert results.requests.sent == 40
    assert len(results.tasks) == 2
