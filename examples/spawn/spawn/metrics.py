"""What Prometheus reads. `spawn_active_tasks` is the drain signal (S8), so it is told only by those who know.

The API tells what the bus holds unfinished for its release; a worker tells what it is doing now; the storage worker
what it is storing, per release. The series is absent, never 0, while a service cannot ask the bus: unknown is not zero
(B1). The sum over a release is 0 exactly when nothing is left; how many tasks there are is the maximum over the API.

The label `release` equals the pod's label `rainbow.dev/release`. So `spawn_active_tasks{release="v1"}` finds the series
whether Prometheus keeps this label (honor_labels), renames it to `exported_release`, or has no such target label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class ActiveTasks(Collector):
    """The gauge of active tasks; a release that is not in `by_release` has no series."""

    def __init__(self, component: str) -> None:
        self._component = component
        self.by_release: Mapping[str, int] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauge with one sample per release that is known."""
        family = GaugeMetricFamily(
            "spawn_active_tasks", "Tasks accepted or at work and not finished.", labels=["release", "component"]
        )
        for release, count in self.by_release.items():
            family.add_metric([release, self._component], count)
        yield family


class Metrics:
    """All metrics of one service process."""

    def __init__(self, release: str, component: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._active = ActiveTasks(component)
        self._registry.register(self._active)
        self._labels = {"release": release, "component": component}
        self._requests = Histogram(
            "spawn_http_request_seconds",
            "Duration of HTTP requests by answer code.",
            [*self._labels, "code"],
            registry=self._registry,
        )
        self._finished = Counter(
            "spawn_tasks_finished", "Tasks finished.", [*self._labels, "kind"], registry=self._registry
        )

    def answered(self, code: int, seconds: float) -> None:
        """Count one HTTP answer."""
        self._requests.labels(**self._labels, code=str(code)).observe(seconds)

    def finished(self, kind: str) -> None:
        """Count one finished task."""
        self._finished.labels(**self._labels, kind=kind).inc()

    def exposition(self, active: Mapping[str, int]) -> bytes:
        """Return the text for Prometheus; `active` holds only the releases whose number is known."""
        self._active.by_release = active
        return generate_latest(self._registry)
