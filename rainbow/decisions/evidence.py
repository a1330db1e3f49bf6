"""From what was seen of a release's work to one sample: a number of tasks, or unknown and why.

Unknown is not zero (B1). A number counts only when it is one finite number and every pod that could be working has
been scraped lately; whatever is missing makes the whole sample unknown, never smaller. Where the bus is asked too
(B10), both have to be known, and the larger number counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rainbow.decisions.bus import BusWork
from rainbow.model.app import AppConfig
from rainbow.model.durations import format_duration

FINISHED = frozenset({"Succeeded", "Failed"})  # no container of such a pod runs or will run again
CLOCK_TOLERANCE = timedelta(seconds=2)


@dataclass(frozen=True)
class DrainPolicy:
    """What the app's owner demands before a release counts as drained."""

    samples: int
    max_age: timedelta
    minimum_age: timedelta
    workloads: tuple[str, ...] | None = None
    interval: timedelta = timedelta(seconds=15)
    counts_reporting: bool = False  # there is a query for the number of pods that export the metric
    asks_bus: bool = False

    @classmethod
    def of(cls, app: AppConfig) -> DrainPolicy:
        """From rainbow.yaml as it was when the release was made."""
        drain = app.drain.prometheus
        workloads = None if drain.workloads is None else tuple(drain.workloads)
        return cls(
            drain.samples,
            drain.max_age,
            app.retention.minimum_age,
            workloads,
            drain.interval,
            counts_reporting=drain.reporting is not None,
            asks_bus=app.drain.jetstream is not None,
        )


@dataclass(frozen=True)
class Pod:
    """A pod of the release; `workload` is the base name of what owns it (without the release's suffix)."""

    name: str
    phase: str
    workload: str


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet of the release: pods wanted and pods that exist."""

    name: str
    wanted: int
    existing: int


@dataclass(frozen=True)
class Scrape:
    """The last scrape of one target of a pod. `at` and `age` are by Prometheus's own clock."""

    pod: str
    up: bool
    at: datetime
    age: timedelta


@dataclass(frozen=True)
class Evidence:
    """Everything seen in one look at a release. `tasks` holds the value of each series that the query gave.

    `reporting` is the same for the query of how many pods export the metric, when there is one. `bus` None: nobody
    asked there.
    """

    at: datetime
    pods: tuple[Pod, ...] = ()
    workloads: tuple[Workload, ...] = ()
    scrapes: tuple[Scrape, ...] = ()
    tasks: tuple[float, ...] = ()
    reporting: tuple[float, ...] = ()
    evaluated_at: datetime | None = None
    problem: str | None = None
    bus: BusWork | None = None


@dataclass(frozen=True)
class Sample:
    """One look, judged. `tasks` None means unknown, and `why` says why; else it says where they are, if in two places.

    `first_scrape` and `last_scrape` (Prometheus's clock) tell two looks at the same data from two samples;
    `age` is that of the oldest scrape in it. `mistaken`: rainbow.yaml asks wrongly, so that no waiting gives a number.
    """

    at: datetime
    tasks: float | None
    why: str = ""
    first_scrape: datetime | None = None
    last_scrape: datetime | None = None
    age: timedelta = timedelta()
    mistaken: bool = False


def judge(evidence: Evidence, policy: DrainPolicy) -> Sample:
    """The sample that this evidence is worth."""
    if mistake := _several(evidence):
        return Sample(evidence.at, None, mistake, mistaken=True)
    why = evidence.problem or _incomplete(evidence, policy) or _silent(evidence, policy) or _no_number(evidence.tasks)
    whys = [why] if why else []
    if policy.asks_bus:
        whys += _unheard(evidence.bus)
    if whys:
        return Sample(evidence.at, None, "; ".join(whys))
    watched = {pod.name for pod in _working(evidence, policy)}
    scrapes = [scrape for scrape in evidence.scrapes if scrape.pod in watched]
    # With every workload scaled to zero there is no scrape to date the sample by, only the evaluation itself.
    times = [scrape.at for scrape in scrapes] or [evidence.evaluated_at or evidence.at]
    age = max((scrape.age for scrape in scrapes), default=timedelta())
    tasks, where = evidence.tasks[0], ""
    if policy.asks_bus and evidence.bus is not None:
        where = f"{tasks:g} by the metric, {evidence.bus}"
        tasks = max(tasks, evidence.bus.tasks)
    return Sample(evidence.at, tasks, where, min(times), max(times), age)


def _several(evidence: Evidence) -> str | None:
    """Which of them counts, or that all do, cannot be guessed, and the next look will find as many."""
    asked = (("query", evidence.tasks, "sum()"), ("reporting", evidence.reporting, "count()"))
    for key, series, function in asked:
        if len(series) > 1:
            return (
                f"drain.prometheus.{key} gave {len(series)} series instead of one, a mistake that does not pass by "
                f"itself; aggregate them, for example with {function}"
            )
    return None


def _watched(policy: DrainPolicy, workload: str) -> bool:
    return policy.workloads is None or workload in policy.workloads


def _working(evidence: Evidence, policy: DrainPolicy) -> list[Pod]:
    return [pod for pod in evidence.pods if pod.phase not in FINISHED and _watched(policy, pod.workload)]


def _incomplete(evidence: Evidence, policy: DrainPolicy) -> str | None:
    workloads = [workload for workload in evidence.workloads if _watched(policy, workload.name)]
    pods = _working(evidence, policy)
    if not workloads and not pods:
        return "none of its workloads is there to be asked; deploy it again, or delete what is left of it by hand"
    missing = sorted(set(policy.workloads or ()) - {w.name for w in workloads} - {pod.workload for pod in pods})
    if missing:
        return f"the workload {_names(missing)} is not there; is drain.prometheus.workloads right?"
    for workload in workloads:
        # A pod that is yet to be made again may find work waiting for it, which no metric shows.
        if workload.existing < workload.wanted:
            return f"{workload.name} has {workload.existing} of {workload.wanted} pods"
        seen = sum(1 for pod in pods if pod.workload == workload.name)
        if seen < workload.existing:
            # What was adopted (S13) makes pods without labels, which no metric can count for the release.
            return (
                f"{workload.name} has {workload.existing} pods, and {seen} of them with the labels of the release; "
                "if it was adopted, run `rainbow adopt` again"
            )
    for pod in pods:
        # Pending: the work of a pod that is being moved waits for it unseen. Unknown: its node does not answer.
        if pod.phase != "Running":
            return f"pod {pod.name} is {pod.phase}"
    return _not_scraped(pods, evidence.scrapes, policy.max_age)


def _not_scraped(pods: Iterable[Pod], scrapes: Iterable[Scrape], max_age: timedelta) -> str | None:
    by_pod: dict[str, list[Scrape]] = {}
    for scrape in scrapes:
        by_pod.setdefault(scrape.pod, []).append(scrape)
    unseen = sorted(pod.name for pod in pods if pod.name not in by_pod)
    if unseen:
        return (
            f"Prometheus has no target for running pod {_names(unseen)}; annotate it for scraping, "
            "or name those that do tasks in drain.prometheus.workloads"
        )
    for pod in sorted(pods, key=lambda pod: pod.name):
        for scrape in by_pod[pod.name]:
            if not scrape.up:
                return f"Prometheus cannot scrape pod {pod.name} (up is 0)"
            if scrape.age > max_age:
                return f"the last scrape of pod {pod.name} is {format_duration(scrape.age)} old"
            if scrape.age < -CLOCK_TOLERANCE:
                return f"the last scrape of pod {pod.name} lies in the future; look at the clocks"
    return None


def _silent(evidence: Evidence, policy: DrainPolicy) -> str | None:
    """Pods that are scraped, but do not export the metric: what they do is not in the sum."""
    if not policy.counts_reporting:
        return None
    pods = len(_working(evidence, policy))
    telling = evidence.reporting[0] if evidence.reporting else 0  # the count of nothing is no series
    if telling != pods:
        return f"{telling:g} of {pods} running pods export the metric (drain.prometheus.reporting)"
    return None


def _unheard(bus: BusWork | None) -> list[str]:
    if bus is None:
        return ["nobody has asked the bus"]
    return [bus.problem] if bus.problem else []


def _no_number(tasks: tuple[float, ...]) -> str | None:
    if not tasks:
        return "the drain query gave no series"
    if not math.isfinite(tasks[0]) or tasks[0] < 0:
        return f"the drain query gave {tasks[0]}, which is no number of tasks"
    return None


def _names(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
