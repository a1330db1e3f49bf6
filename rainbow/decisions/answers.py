"""What a probe was answered, kept in columns: a million answers in some tens of megabytes, any window of it summed up.

A request's latency counts from the moment at which it was due, not at which it was sent: a sender that has to wait
would otherwise leave out the very requests that were slow (coordinated omission).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rainbow.model.probing import Target

FAILURES_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or that there was none. `due` is Unix time, `took` seconds since then, `target` an index."""

    due: float
    took: float
    target: int
    status: int | None = None
    release: str | None = None
    error: str | None = None

    @property
    def arrived(self) -> float:
        """When its end came, Unix time."""
        return self.due + self.took


@dataclass(frozen=True)
class Heard:
    """When a release was first and last heard in a window, Unix time, and how often."""

    first: float
    last: float
    answers: int


@dataclass(frozen=True)
class Summary:
    """A window of answers in numbers; latencies, of requests that succeeded, are milliseconds."""

    sent: int
    failed: int
    p50: float | None
    p99: float | None
    longest: float | None
    releases: dict[str, Heard]
    targets: dict[str, tuple[int, int]]  # each target → sent, failed


@dataclass
class Answers:
    """All answers to a plan's targets. `named`: one that names no release is a failure."""

    targets: Sequence[Target]
    named: bool = False
    failed: int = 0
    failures: list[Answer] = field(default_factory=list)  # the first ten thousand; the count is exact
    _due: array[float] = field(default_factory=lambda: array("d"))
    _took: array[float] = field(default_factory=lambda: array("d"))
    _kind: array[int] = field(default_factory=lambda: array("I"))
    _kinds: dict[tuple[int, str | None, bool], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._due)

    def add(self, answer: Answer) -> None:
        """Take one more into account."""
        failed = self.is_failure(answer)
        if failed:
            self.failed += 1
            if len(self.failures) < FAILURES_KEPT:
                self.failures.append(answer)
        kind = self._kinds.setdefault((answer.target, answer.release, failed), len(self._kinds))
        self._due.append(answer.due)
        self._took.append(answer.took)
        self._kind.append(kind)

    def is_failure(self, answer: Answer) -> bool:
        """Whether a user would call it one. Nothing is followed, so a redirect is an answer."""
        if answer.error is not None or answer.status is None or answer.status >= 400:
            return True
        return self.named and answer.release is None

    def summary(self, begin: float = -math.inf, end: float = math.inf) -> Summary:
        """What was due from `begin` to before `end`."""
        took, heard, counts = array("d"), dict[str, Heard](), dict[str, tuple[int, int]]()
        kinds: list[tuple[int, str | None, bool]] = []
        for due, seconds, kind in self._within(begin, end):
            if kind >= len(kinds):
                kinds = list(self._kinds)  # others may add meanwhile: kinds as well as answers
            index, release, failed = kinds[kind]
            target = self.targets[index]
            sent, bad = counts.get(str(target), (0, 0))
            counts[str(target)] = sent + 1, bad + failed
            if target.held or failed:
                continue  # neither how long it was held nor how soon it failed says how soon anybody is answered
            took.append(seconds)
            if release is not None:
                arrived = due + seconds
                seen = heard.get(release) or Heard(arrived, arrived, 0)
                heard[release] = Heard(min(seen.first, arrived), max(seen.last, arrived), seen.answers + 1)
        ordered = sorted(took)
        return Summary(
            sent=sum(sent for sent, _ in counts.values()),
            failed=sum(bad for _, bad in counts.values()),
            p50=percentile(ordered, 50),
            p99=percentile(ordered, 99),
            longest=percentile(ordered, 100),
            releases=heard,
            targets=counts,
        )

    def last_of(self, release: str, since: float, before: float = math.inf) -> float | None:
        """When the last answer of a release came within these times; None when there was none."""
        last = None
        wanted = {
            number
            for (index, name, failed), number in list(self._kinds.items())
            if name == release and not failed and not self.targets[index].held
        }
        for due, took, kind in self._within(-math.inf, before):
            arrived = due + took
            if kind in wanted and since <= arrived < before and (last is None or arrived > last):
                last = arrived
        return last

    def _within(self, begin: float, end: float) -> Iterator[tuple[float, float, int]]:
        # Others may add meanwhile: the column that is written last says how many rows are whole.
        for row in range(len(self._kind)):
            if begin <= self._due[row] < end:
                yield self._due[row], self._took[row], self._kind[row]


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Of seconds in ascending order, in milliseconds: the smallest value that so many per cent do not exceed."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] * 1000, 2)
