"""From the command to the last answer of the release that is rolled back from, right here and by its workflow (P3).

A user asks through the proxy all the while, each time on a fresh connection. Two releases take turns, so each is rolled
back from and to: what was rejected before is allowed again on purpose. Both are whole: the first two turns, in which
one that had shrunk while it drained gets its pods back, do not count.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from demo.stage import rainbow

from bench.measure import Measure
from rainbow.adapters.kube import Kube
from rainbow.adapters.proxy import Answer, Proxy
from rainbow.adapters.records import read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.world import Clock
from rainbow.model.release import Release

RUNS = 20
WORKFLOWS = 2
GOAL = 5.0
PAUSE = 0.01


@dataclass
class Answers:
    """What the user was told, and when."""

    seen: list[Answer] = field(default_factory=list)

    def last_of(self, release: str, since: float) -> float:
        """Seconds from then to its last answer."""
        return max((a.at - since for a in self.seen if a.release == release and a.at >= since), default=0.0)

    @property
    def failed(self) -> int:
        """How many got no answer of a release, or a failure."""
        return sum(1 for a in self.seen if a.release is None or a.status is None or a.status >= 500)


def rollback(kube: Kube, namespace: str, app: str, newest: str, url: str) -> list[Measure]:
    """The 99th percentile (of so few the longest), and the median of the workflow's time."""
    release = read_release(kube, namespace, app, newest)
    route = read_route(kube, release.spec.app)
    assert route.current is not None  # noqa: S101 - it was released a moment ago
    assert route.previous is not None  # noqa: S101 - and was not the first one
    turns = (route.previous, route.current)
    with _asking(release, route.hosts[0], url) as answers:
        for number in range(2):
            _timed(_now(release, url), turns, number, answers)
        here = [_timed(_now(release, url), turns, n, answers) for n in range(RUNS)]
        submitted = [_timed(_workflow(release), turns, RUNS + n, answers) for n in range(WORKFLOWS)]
    longest, theirs = max(here), statistics.median(submitted)
    return [
        Measure(
            name="rollback --now: command → last answer of the old release",
            ours=f"{longest:.2f} s (median {statistics.median(here):.2f} s, {answers.failed} requests failed)",
            against=f"its workflow {theirs:.1f} s",
            ratio=longest / theirs,
            goal=f"p99 ≤ {GOAL:g} s",
            met=longest <= GOAL,
        )
    ]


def _now(release: Release, url: str) -> Callable[[str], object]:
    where = ("-n", release.namespace, release.app)
    return lambda to: rainbow("rollback", *where, to, "--allow-rejected", "--now", "--proxy-url", url)


def _workflow(release: Release) -> Callable[[str], object]:
    return lambda to: rainbow("rollback", "-n", release.namespace, release.app, to, "--allow-rejected")


def _timed(act: Callable[[str], object], turns: tuple[str, str], number: int, answers: Answers) -> float:
    to, back = turns if number % 2 == 0 else turns[::-1]
    begun = time.monotonic()
    act(to)
    return answers.last_of(back, begun)


@contextmanager
def _asking(release: Release, host: str, url: str) -> Iterator[Answers]:
    route, answers, stop = release.spec.app.route, Answers(), threading.Event()
    proxy = Proxy(url, route.release_header, Clock())

    def ask() -> None:
        while not stop.is_set():
            answers.seen.append(proxy.ask(host, route.entry.check_path))
            time.sleep(PAUSE)

    user = threading.Thread(target=ask)
    user.start()
    try:
        yield answers
    finally:
        stop.set()
        user.join()
