"""Whether users noticed anything: the verdict over a probe, and what happened in the cluster around each failure (J2).

Success is that every answer was one, and that there were some: a probe that could not ask has shown nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rainbow.decisions.answers import Answer, Answers, Summary

AROUND = 2.0  # seconds before and after a failure
APART = 1.0  # seconds between two failures of one burst, at most
NEAR = 12  # of what happened around a burst, for a person


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened in the cluster; `at` is Unix time."""

    at: float
    what: str


@dataclass(frozen=True)
class Burst:
    """Failures of one kind in short succession, and what happened in the cluster then."""

    first: float
    last: float
    count: int
    target: str
    error: str
    release: str | None
    around: tuple[Occurrence, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """`noticed`: why users would have noticed, or why nothing was shown; empty when all went well."""

    summary: Summary
    noticed: tuple[str, ...]
    bursts: tuple[Burst, ...]

    @property
    def good(self) -> bool:
        """Whether the probe has succeeded."""
        return not self.noticed


def judge(answers: Answers, occurrences: Sequence[Occurrence] = (), trouble: str | None = None) -> Verdict:
    """Sum up a probe that is over. `trouble`: why the probe itself came to no good end, if it did not."""
    summary, noticed = answers.summary(), []
    if trouble:
        noticed.append(trouble)
    if summary.failed:
        noticed.append(f"{summary.failed} of {summary.sent} failed")
    if idle := [str(target) for target in answers.targets if not summary.targets.get(str(target), (0, 0))[0]]:
        noticed.append(f"never asked: {', '.join(idle)}")
    elif summary.sent == summary.failed:
        noticed.append("not one answer was a success")
    return Verdict(summary, tuple(noticed), bursts(answers, occurrences))


def bursts(answers: Answers, occurrences: Sequence[Occurrence]) -> tuple[Burst, ...]:
    """The failures in order, those of one kind in short succession taken together."""
    found: list[Burst] = []
    newest: dict[tuple[str, str, str | None], int] = {}
    for failure in sorted(answers.failures, key=lambda answer: answer.arrived):
        target, error, at = str(answers.targets[failure.target]), said(failure), failure.arrived
        key = (target, error, failure.release)
        index = newest.get(key)
        if index is not None and at - found[index].last <= APART:
            found[index] = replace(found[index], last=at, count=found[index].count + 1)
            continue
        newest[key] = len(found)
        found.append(Burst(at, at, 1, target, error, failure.release))
    return tuple(replace(burst, around=around(burst, occurrences)) for burst in found)


def around(burst: Burst, occurrences: Sequence[Occurrence]) -> tuple[Occurrence, ...]:
    """What happened from shortly before the first failure to shortly after the last one, in order."""
    near = [o for o in occurrences if burst.first - AROUND <= o.at <= burst.last + AROUND]
    return tuple(sorted(near, key=lambda occurrence: occurrence.at))


def said(failure: Answer) -> str:
    """What is wrong with an answer, in words."""
    if failure.error is not None:
        return failure.error if failure.status is None else f"status {failure.status}: {failure.error}"
    if failure.status is None:
        return "no answer"
    return f"status {failure.status}" if failure.status >= 400 else f"status {failure.status}, which names no release"


def told(burst: Burst) -> list[str]:
    """A burst in lines: when, how often, what; and then what happened around it, in seconds from its first failure."""
    when = _clock(burst.first) + (f" to {_clock(burst.last)}" if burst.count > 1 else "")
    times = f"{burst.count} times " if burst.count > 1 else ""
    release = f", release {burst.release}" if burst.release else ""
    near = [f"    {o.at - burst.first:+.1f} s  {o.what}" for o in burst.around[:NEAR]]
    more = len(burst.around[NEAR:])
    return [
        f"{when}  {times}{burst.target}{release}: {burst.error}",
        *near,
        *([f"    and {more} more"] if more else []),
    ]


def _clock(moment: float) -> str:
    return at(moment)[11:-1]


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The whole as plain data; times are RFC 3339 in UTC with milliseconds, latencies milliseconds."""
    summary = verdict.summary
    return {
        "good": verdict.good,
        "noticed": list(verdict.noticed),
        "sent": summary.sent,
        "failed": summary.failed,
        "latencyMs": {"p50": summary.p50, "p99": summary.p99, "max": summary.longest},
        "releases": {
            release: {"first": at(heard.first), "last": at(heard.last), "answers": heard.answers}
            for release, heard in summary.releases.items()
        },
        "targets": {name: {"sent": sent, "failed": failed} for name, (sent, failed) in summary.targets.items()},
        "failures": [
            {
                "first": at(burst.first),
                "last": at(burst.last),
                "count": burst.count,
                "target": burst.target,
                "error": burst.error,
                "release": burst.release,
                "around": [{"at": at(o.at), "what": o.what} for o in burst.around],
            }
            for burst in verdict.bursts
        ],
    }


def at(moment: float) -> str:
    """A moment of Unix time as RFC 3339."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
