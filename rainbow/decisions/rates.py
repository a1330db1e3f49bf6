"""From the series of Prometheus to one row of numbers for each release, on one grid of times.

A time without a clear number is None, which is drawn as a gap: unknown is never zero (B1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import Template

from rainbow.model.release import Release

POINTS = 300  # of a row, at most: as many as a small screen has pixels
ALL_POINTS = 20_000  # of all rows of a chart, about: what a browser draws without anybody waiting for it
FEWEST_POINTS = 60
SHORTEST_STEP = timedelta(seconds=5)
WINDOW = timedelta(seconds=60)  # over which a rate is taken, at least


@dataclass(frozen=True)
class Grid:
    """Times from `start` on, `step` apart, `count` of them."""

    start: datetime
    step: timedelta
    count: int

    @classmethod
    def over(cls, start: datetime, end: datetime, points: int = POINTS) -> Grid:
        """At most so many times, in whole seconds, the last of them not after `end`."""
        begin = start.replace(microsecond=0)
        seconds = max(SHORTEST_STEP.total_seconds(), math.ceil((end - begin).total_seconds() / (points - 1)))
        return cls(begin, timedelta(seconds=seconds), 1 + max(0, int((end - begin).total_seconds() // seconds)))

    @classmethod
    def for_all(cls, releases: Sequence[Release], start: datetime, end: datetime) -> Grid:
        """As fine as it may be for all of them together; many that were there for long are drawn more coarsely."""
        whole = max(end - start, SHORTEST_STEP)
        there = ((r.status.deleted_at or end) - max(r.since, start) for r in releases)
        rows = sum(max(timedelta(), each) / whole for each in there)
        return cls.over(start, end, max(FEWEST_POINTS, min(POINTS, int(ALL_POINTS / max(rows, 1)))))

    @property
    def end(self) -> datetime:
        """The last time."""
        return self.start + (self.count - 1) * self.step

    @property
    def window(self) -> timedelta:
        """What a rate is taken over: no request falls between two points."""
        return max(WINDOW, self.step)

    def index(self, at: datetime) -> int:
        """The nearest time; it may be outside."""
        return round((at - self.start) / self.step)


@dataclass(frozen=True)
class Samples:
    """One series of Prometheus over time."""

    labels: Mapping[str, str]
    points: Sequence[tuple[datetime, float]]


@dataclass(frozen=True)
class Row:
    """The numbers of one release from the time `first` of the grid on; nothing is known before and after them."""

    first: int
    values: tuple[float | None, ...]

    @classmethod
    def of(cls, known: Mapping[int, float | None]) -> Row | None:
        """None when nothing is known at all."""
        there = [index for index, value in known.items() if value is not None]
        if not there:
            return None
        first, last = min(there), max(there)
        return cls(first, tuple(known.get(index) for index in range(first, last + 1)))


def one_row(series: Sequence[Samples], grid: Grid) -> Row | None:
    """Of a query that has to give one number: where it gives several, it is not known which is right."""
    found: dict[int, float | None] = {}
    for one in series:
        for index, value in _placed(one, grid):
            found[index] = None if index in found else value
    return Row.of(found)


@dataclass(frozen=True)
class Counter:
    """What a proxy counts by Service: its metric, the label of the status code, which series belong to a namespace.

    `where` and `start` have $namespace to fill in, `where` also $of: nothing, or what Prometheus puts before the name
    of a label that the target has as well (`honor_labels`). `start`: a pattern of what the Service's name comes after.
    """

    name: str
    metric: str
    code: str
    where: str
    start: str

    def query(self, namespace: str, of: str, window: timedelta) -> str:
        """Requests per second by Service and status code.

        A counter that is new counts from nothing, which `rate` overlooks: the first failure of all would not be seen.
        It is new only where its target was scraped before; else nobody knows when it began.
        """
        where = Template(self.where).substitute(namespace=namespace, of=of)
        x, seconds = f"{self.metric}{{{where}}}", int(window.total_seconds())
        old = f"(rate({x}[{seconds}s]) and {x} offset {seconds}s)"
        new = f"(({x} unless {x} offset {seconds}s) / {seconds} and on (job, instance) up offset {seconds}s == 1)"
        return f"sum by ({of}service, {self.code}) ({old} or {new})"


COUNTERS = (
    Counter(
        "Traefik",
        "traefik_service_requests_total",
        "code",
        # An Ingress is served as NAMESPACE-SERVICE-PORT; an HTTPRoute as one of several behind its own long name.
        where='${of}service=~"(httproute-.+-svc-)?$namespace-.+@kubernetes.*"',
        start="(httproute-.+-svc-)?$namespace-",
    ),
    Counter(
        "ingress-nginx",
        "nginx_ingress_controller_requests",
        "status",
        where='${of}namespace="$namespace",${of}service!=""',
        start="",
    ),
)
EXPORTED = ("", "exported_")


def owners(releases: Sequence[Release]) -> dict[str, str]:
    """Service → the one release that it belongs to; one that several share tells nothing about any of them."""
    found: dict[str, set[str]] = {}
    for release in releases:
        for ref in release.status.objects:
            if ref.kind == "Service":
                found.setdefault(ref.name, set()).add(release.id)
    return {service: next(iter(ids)) for service, ids in found.items() if len(ids) == 1}


def counted(
    series: Iterable[Samples], counter: Counter, services: Mapping[str, str], namespace: str, grid: Grid
) -> dict[str, tuple[Row, Row]]:
    """Release → its requests and its failures (status 5xx) per second, all its Services summed.

    A proxy makes the counter of a status when it first gives it: where requests are counted and no failures are, there
    were none.
    """
    requests: dict[str, dict[int, float | None]] = {}
    failures: dict[str, dict[int, float | None]] = {}
    for one in series:
        release = _owner(one.labels, counter, services, namespace)
        if release is None:
            continue
        failed = one.labels.get(counter.code, "").startswith("5")
        for index, value in _placed(one, grid):
            _add(requests.setdefault(release, {}), index, value)
            _add(failures.setdefault(release, {}), index, value if failed else 0.0)
    rows = {release: (Row.of(known), Row.of(failures[release])) for release, known in requests.items()}
    return {release: (of, failed) for release, (of, failed) in rows.items() if of and failed}


def _owner(labels: Mapping[str, str], counter: Counter, services: Mapping[str, str], namespace: str) -> str | None:
    """The release whose Service a series is about: after its name nothing follows, or its port."""
    name = next((labels[f"{of}service"] for of in reversed(EXPORTED) if f"{of}service" in labels), "")
    name = re.sub(f"^{Template(counter.start).substitute(namespace=namespace)}", "", name).partition("@")[0]
    fits = [service for service in services if name == service or name.startswith(f"{service}-")]
    return services[max(fits, key=len)] if fits else None


def _placed(series: Samples, grid: Grid) -> Iterable[tuple[int, float | None]]:
    for at, value in series.points:
        index = grid.index(at)
        if 0 <= index < grid.count:
            yield index, value if math.isfinite(value) else None


def _add(known: dict[int, float | None], index: int, value: float | None) -> None:
    before = known.get(index, 0.0)
    known[index] = None if before is None or value is None else before + value
