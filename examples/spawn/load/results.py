"""What a load has seen: plain data, made from the answers of the probe and from the tasks that were followed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rainbow.decisions.answers import Answers, Heard, Summary
from rainbow.decisions.probing import Burst, bursts


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
class Results:
    """All that was seen up to one moment: requests of all kinds, those about tasks among them, and the tasks."""

    requests: Summary
    about_tasks: Summary
    failures: tuple[Burst, ...]
    tasks: tuple[TaskRun, ...]

    @classmethod
    def of(cls, requests: Answers, about_tasks: Answers, tasks: tuple[TaskRun, ...]) -> Results:
        """From what was answered."""
        failures = (*bursts(requests, ()), *bursts(about_tasks, ()))
        ordered = tuple(sorted(failures, key=lambda burst: burst.first))
        return cls(requests.summary(), about_tasks.summary(), ordered, tasks)

    @property
    def requests_sent(self) -> int:
        """Return how many were answered, or failed."""
        return self.requests.sent + self.about_tasks.sent

    @property
    def requests_failed(self) -> int:
        """Return how many were not answered with success."""
        return self.requests.failed + self.about_tasks.failed

    @property
    def switch_moments(self) -> dict[str, Heard]:
        """Return when each release was first and last heard."""
        found = dict(self.requests.releases)
        for release, heard in self.about_tasks.releases.items():
            seen = found.get(release, heard)
            count = heard.answers + (seen.answers if release in found else 0)
            found[release] = Heard(min(seen.first, heard.first), max(seen.last, heard.last), count)
        return found

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
        work = self.requests.sent > 0 and len(self.tasks) > 0
        return work and not (self.requests_failed or self.lost or self.moved or self.running)

    def summary(self) -> dict[str, Any]:
        """Return the counts as plain data for a report."""
        times = {"p50": self.requests.p50, "p99": self.requests.p99, "max": self.requests.longest}
        return {
            "requests_sent": self.requests_sent,
            "requests_failed": self.requests_failed,
            "latency_ms": times,
            "tasks_started": len(self.tasks),
            "tasks_finished": len(self.finished),
            "tasks_lost": len(self.lost),
            "tasks_finished_on_another_release": len(self.moved),
            "releases": {release: asdict(heard) for release, heard in self.switch_moments.items()},
            "failures": [asdict(burst) for burst in self.failures],
        }
