"""What a load has seen: plain data, and the recorder that collects it while it runs."""

from __future__ import annotations

import json
import threading
from array import array
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TextIO

FAILURES_KEPT = 200


@dataclass(frozen=True)
class Failure:
    """A request that was not answered with success; `at` is when it was due, Unix seconds."""

    at: float
    method: str
    path: str
    status: int | None
    release: str | None
    error: str


@dataclass(frozen=True)
class TaskRun:
    """One task from its start to its end, as its user saw it."""

    id: str
    kind: str
    seconds: float
    accepted_release: str
    accepted_at: float
    finished_release: str | None = None
    finished_by: str | None = None
    finished_at: float | None = None
    stored: str | None = None
    attempts: int = 0
    lost: bool = False

    @property
    def moved(self) -> bool:
        """Say whether another release finished it than the one that accepted it."""
        return self.finished_release not in (None, self.accepted_release)


@dataclass(frozen=True)
class Moments:
    """When a release was first and last heard through the proxy (arrival of the answer, Unix seconds)."""

    first: float
    last: float
    answers: int


@dataclass(frozen=True)
class Results:
    """All that was seen up to one moment. `failures` holds the first few hundred, the count is exact."""

    requests_sent: int
    requests_failed: int
    failures: tuple[Failure, ...]
    tasks: tuple[TaskRun, ...]
    switch_moments: dict[str, Moments]
    latency_p50_ms: float
    latency_p99_ms: float
    latency_max_ms: float

    @property
    def finished(self) -> list[TaskRun]:
        """Return the tasks that are finished."""
        return [task for task in self.tasks if task.finished_at is not None]

    @property
    def lost(self) -> list[TaskRun]:
        """Return the tasks that were accepted and did not finish in time."""
        return [task for task in self.tasks if task.lost]

    @property
    def moved(self) -> list[TaskRun]:
        """Return the tasks that finished on another release than they began on."""
        return [task for task in self.tasks if task.moved]

    @property
    def running(self) -> list[TaskRun]:
        """Return the tasks that are neither finished nor lost yet."""
        return [task for task in self.tasks if task.finished_at is None and not task.lost]

    @property
    def harmless(self) -> bool:
        """Say whether users noticed nothing, and there was something to notice."""
        work = self.requests_sent > 0 and len(self.tasks) > 0
        return work and not (self.requests_failed or self.lost or self.moved or self.running)

    def summary(self) -> dict[str, Any]:
        """Return the counts as plain data for a report."""
        return {
            "requests_sent": self.requests_sent,
            "requests_failed": self.requests_failed,
            "latency_ms": {"p50": self.latency_p50_ms, "p99": self.latency_p99_ms, "max": self.latency_max_ms},
            "tasks_started": len(self.tasks),
            "tasks_finished": len(self.finished),
            "tasks_lost": len(self.lost),
            "tasks_finished_on_another_release": len(self.moved),
            "releases": {release: asdict(moments) for release, moments in self.switch_moments.items()},
            "failures": [asdict(failure) for failure in self.failures],
        }


@dataclass
class Recorder:
    """Collects what is seen; any thread may take a snapshot."""

    log: TextIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failed: int = 0
    _failures: list[Failure] = field(default_factory=list)
    _latencies: array[float] = field(default_factory=lambda: array("f"))
    _tasks: dict[str, TaskRun] = field(default_factory=dict)
    _moments: dict[str, Moments] = field(default_factory=dict)

    def answered(self, release: str | None, at: float, seconds: float, **line: object) -> None:
        """Note an answer that arrived at `at`, `seconds` after its request was due."""
        with self._lock:
            self._latencies.append(seconds * 1000)
            if release is not None:
                seen = self._moments.get(release) or Moments(at, at, 0)
                self._moments[release] = replace(seen, last=max(seen.last, at), answers=seen.answers + 1)
        self._write(event="answer", at=at, ms=round(seconds * 1000, 2), release=release, **line)

    def failed(self, failure: Failure) -> None:
        """Note a failed request."""
        with self._lock:
            self._failed += 1
            if len(self._failures) < FAILURES_KEPT:
                self._failures.append(failure)
        self._write(event="failure", **asdict(failure))

    def task(self, run: TaskRun) -> None:
        """Note the newest state of a task."""
        with self._lock:
            self._tasks[run.id] = run
        self._write(event="task", **asdict(run))

    def snapshot(self, sent: int) -> Results:
        """Return all that was seen up to now."""
        with self._lock:
            latencies = sorted(self._latencies) or [0.0]
            return Results(
                requests_sent=sent,
                requests_failed=self._failed,
                failures=tuple(self._failures),
                tasks=tuple(self._tasks.values()),
                switch_moments=dict(self._moments),
                latency_p50_ms=round(latencies[len(latencies) // 2], 2),
                latency_p99_ms=round(latencies[len(latencies) * 99 // 100], 2),
                latency_max_ms=round(latencies[-1], 2),
            )

    def _write(self, **line: object) -> None:
        if self.log is not None:
            self.log.write(json.dumps(line) + "\n")
