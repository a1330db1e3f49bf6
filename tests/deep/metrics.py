"""A Prometheus that scrapes the pods of the living cluster, and everything that can be wrong with its answers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from rainbow.adapters.prometheus import Series, Unanswered
from rainbow.model.names import RELEASE_LABEL
from tests.deep.cluster import Living, labels
from tests.deep.server import TICK, Ticking

TASKS = 'tasks{release="$release"}'
TRAFFIC = 'traffic{release="$release"}'
ERRORS = 'errors{release="$release"}'
PER_POD = 'by_pod{release="$release"}'


class Fault(StrEnum):
    """What is wrong with it."""

    NONE = "none"
    DOWN = "down"
    MISSING = "missing"
    NAN = "nan"
    SEVERAL = "several"
    NEGATIVE = "negative"
    STALE = "stale"
    PARTIAL = "partial"
    UNSCRAPED = "unscraped"

    def __repr__(self) -> str:
        return f"Fault.{self.name}"  # an example is printed as it is written


@dataclass
class Metrics:
    """`samples`: pod → when it was scraped, its release, and the tasks that it told of.

    `harmful` are releases that fail when they are used; `users`: whether anybody uses the app, by its route alone.
    """

    store: Living
    clock: Ticking
    fault: Fault = Fault.NONE
    samples: dict[str, tuple[float, str, int]] = field(default_factory=dict)
    harmful: set[str] = field(default_factory=set)
    users: bool = True
    current: Callable[[], str | None] = lambda: None
    _scraped: float = -math.inf

    def scrape(self) -> None:
        """Scrape every pod, when it is time to."""
        now = self._now().timestamp()
        if self.fault is Fault.STALE or now - self._scraped < TICK:
            return
        self._scraped = now
        busy, self.samples = self.store.busy(), {}
        for pod in self.store.of("pods"):
            name, told = pod["metadata"]["name"], labels(pod)
            if "rainbow.dev/step" not in told:
                self.samples[name] = (now, told.get(RELEASE_LABEL, ""), busy[name])

    def vector(self, query: str) -> list[Series]:
        """What an instant query gives."""
        if self.fault is Fault.DOWN:
            raise Unanswered("Prometheus did not answer")
        if query.startswith("up{"):
            names = re.findall(r'pod=~"([^"]*)"', query)[0].replace("\\", "")
            return self._up(set(names.split("|")))
        (release,) = re.findall(r'release="([^"]*)"', query)
        if query.startswith("by_pod"):
            return self._by_pod(release)
        if query.startswith("traffic"):
            return self._told(float(self.users and release == self.current()))
        if query.startswith("errors"):
            return self._told(float(release in self.harmful))
        told = {pod: tasks for pod, (_, of, tasks) in self._targets().items() if of == release}
        return self._told(float(sum(told.values()))) if told else []

    def _told(self, value: float) -> list[Series]:
        if self.fault is Fault.MISSING:
            return []
        values = [{Fault.NAN: math.nan, Fault.NEGATIVE: -1.0}.get(self.fault, value)]
        if self.fault is Fault.SEVERAL:
            values = [0.0, *values]
        return [Series({"n": str(i)}, value, self._now()) for i, value in enumerate(values)]

    def _by_pod(self, release: str) -> list[Series]:
        told = {pod: tasks for pod, (_, of, tasks) in self._targets().items() if of == release}
        if self.fault is Fault.MISSING:
            return []
        return [
            Series({"pod": pod}, math.nan if self.fault is Fault.NAN else tasks, self._now())
            for pod, tasks in told.items()
        ]

    def _up(self, pods: set[str]) -> list[Series]:
        found = []
        targets = {pod: sample for pod, sample in self._targets().items() if pod in pods}
        for number, (pod, (at, _, _)) in enumerate(sorted(targets.items())):
            up = 0.0 if self.fault is Fault.UNSCRAPED and number == 0 else 1.0
            found.append(Series({"__name__": "up", "pod": pod}, up, self._now()))
            found.append(Series({"pod": pod, "rainbow_scraped": "yes"}, at, self._now()))
        return found

    def _targets(self) -> dict[str, tuple[float, str, int]]:
        if self.fault is not Fault.PARTIAL:
            return self.samples
        # Of each release the busiest pod is missing, with its tasks.
        ordered = sorted(self.samples.items(), key=lambda item: (item[1][1], item[1][2], item[0]))
        last = {release: pod for pod, (_, release, _) in ordered}
        return {pod: sample for pod, sample in ordered if pod not in last.values()}

    def _now(self) -> datetime:
        return self.clock.now().astimezone(UTC)
