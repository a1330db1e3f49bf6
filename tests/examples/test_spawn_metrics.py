"""The drain signal in Prometheus' text format: one series per known release, none for what is unknown (S8, B1)."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from spawn.metrics import Metrics


def active(metrics: Metrics, known: dict[str, int]) -> dict[tuple[str, str], float]:
    """Return the series of active tasks by release and component."""
    families = text_string_to_metric_families(metrics.exposition(known).decode())
    (family,) = (f for f in families if f.name == "spawn_active_tasks")
    return {(s.labels["release"], s.labels["component"]): s.value for s in family.samples}


def test_what_is_unknown_has_no_series() -> None:
    """No number, no series: a 0 would let a release be deleted."""
    assert active(Metrics("v1", "api"), {}) == {}


def test_a_series_goes_when_it_is_no_longer_known() -> None:
    """A number that was known once is not told again from memory."""
    metrics = Metrics("v1", "api")
    assert active(metrics, {"v1": 3}) == {("v1", "api"): 3}
    assert active(metrics, {}) == {}
    assert active(metrics, {"v1": 0}) == {("v1", "api"): 0}


def test_the_storage_worker_tells_every_release() -> None:
    """One process outside the cluster has one series per release that it serves (S12)."""
    assert active(Metrics("outside", "storage"), {"v1": 1, "v2": 0}) == {("v1", "storage"): 1, ("v2", "storage"): 0}


def test_requests_and_finished_tasks_are_counted() -> None:
    """What a bake looks at: answers by code, and tasks by kind, with their release."""
    metrics = Metrics("v1", "api")
    metrics.answered(503, 0.2)
    metrics.finished("image")
    text = metrics.exposition({}).decode()
    assert 'spawn_http_request_seconds_count{code="503",component="api",release="v1"} 1.0' in text
    assert 'spawn_tasks_finished_total{component="api",kind="image",release="v1"} 1.0' in text
    assert "_created" not in text
