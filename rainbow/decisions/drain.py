"""Whether a release that is no longer current still has work: from samples to a decision.

Several zero samples in a row are needed, each from scrapes later than the one before; a task or an unknown sample
starts the row again. Being old enough (S9) comes on top and is counted from when the release stopped being current.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rainbow.decisions.evidence import DrainPolicy, Sample
from rainbow.model.durations import format_duration
from rainbow.model.release import format_time

UNKNOWN_TASKS = "unknown"
_CONFIRMED = 3  # intervals for which a note of a whole row of zeros holds


class DrainState(StrEnum):
    """What a release may be doing, as far as it can be known."""

    WORKING = "working"
    UNKNOWN = "unknown"
    MISTAKEN = "mistaken"  # unknown, and will be: rainbow.yaml asks wrongly, so that nobody need wait for a number
    SETTLING = "settling"  # zero tasks, but not yet often enough in a row
    TOO_YOUNG = "too-young"  # no work left, but the minimum age is not reached
    DRAINED = "drained"


@dataclass(frozen=True)
class DrainDecision:
    """The state, the tasks as text for the record, and why."""

    state: DrainState
    tasks: str
    reasons: tuple[str, ...]

    @property
    def idle(self) -> bool:
        """No work is left, whether or not the release is old enough."""
        return self.state in (DrainState.TOO_YOUNG, DrainState.DRAINED)

    @property
    def blocker(self) -> str | None:
        """Why the release is kept, in a line; None when its work keeps it no longer."""
        return None if self.state is DrainState.DRAINED else "; ".join(self.reasons)


@dataclass(frozen=True)
class Demotion:
    """When the release stopped being current, and when it was noted to have no work left; None is not known.

    `sealed_at`: since when no new work can reach it. What was seen before says nothing about what came last.
    """

    at: datetime | None
    drained_at: datetime | None = None
    sealed_at: datetime | None = None

    @property
    def counted_from(self) -> datetime | None:
        """Only what was scraped later is evidence."""
        return self.at if self.at is None or self.sealed_at is None else max(self.at, self.sealed_at)


def decide_drain(history: Sequence[Sample], policy: DrainPolicy, demotion: Demotion, now: datetime) -> DrainDecision:
    """Judge a release that is not current by the samples taken of it, oldest first."""
    if why := _unknown(history, policy, now):
        row = list(history)[-policy.samples :]
        mistaken = len(row) == policy.samples and all(sample.mistaken for sample in row)
        return _decision(DrainState.MISTAKEN if mistaken else DrainState.UNKNOWN, UNKNOWN_TASKS, why)
    count = history[-1].tasks
    tasks = f"{count:g}"
    if count != 0:
        where = f" ({history[-1].why})" if history[-1].why else ""
        return _decision(DrainState.WORKING, tasks, f"{tasks} active task{'' if count == 1 else 's'}{where}")
    if demotion.at is None or demotion.counted_from is None:
        return _decision(DrainState.UNKNOWN, tasks, "it is not known when it stopped being current")
    needed, found = _needed(policy, demotion, now), zeros_in_a_row(history, demotion.counted_from)
    if found < needed:
        return _decision(DrainState.SETTLING, tasks, f"no active task in {found} of {needed} samples in a row")
    old_enough_at = demotion.at + policy.minimum_age
    if now < old_enough_at:
        left = format_duration(old_enough_at - now + timedelta(seconds=0.999))
        reason = f"younger than {format_duration(policy.minimum_age)} since its demotion: {left} left"
        return _decision(DrainState.TOO_YOUNG, tasks, reason)
    reason = f"no active task in {found} samples in a row, not current since {format_time(demotion.at)}"
    return _decision(DrainState.DRAINED, tasks, reason)


def decide_replaced(demotion: Demotion, policy: DrainPolicy, now: datetime) -> DrainDecision:
    """Judge a release that another one was rolled over, in place: what is left is its record, to be gone back to."""
    if demotion.at is None:
        return _decision(DrainState.UNKNOWN, UNKNOWN_TASKS, "it is not known when it stopped being current")
    if now < demotion.at + policy.minimum_age:
        reason = f"younger than {format_duration(policy.minimum_age)} since its demotion"
        return _decision(DrainState.TOO_YOUNG, "0", reason)
    return _decision(DrainState.DRAINED, "0", "its pods were replaced in place, and its work ended with them")


def _unknown(history: Sequence[Sample], policy: DrainPolicy, now: datetime) -> str | None:
    if not history:
        return "nobody has looked at its tasks yet"
    last = history[-1]
    if last.tasks is None:
        return f"active tasks unknown: {last.why}"
    if now - last.at > policy.max_age:
        return f"active tasks unknown: the last look is {format_duration(now - last.at)} ago"
    return None


def zeros_in_a_row(history: Sequence[Sample], demoted_at: datetime) -> int:
    """How many of the last samples are zero, each from later scrapes than the one before it.

    Data scraped before the demotion does not count: a request may have arrived after it. The scrape is dated by our
    own clock minus the age that Prometheus gives, so that their clocks need not agree.
    """
    count, later = 0, None
    for sample in reversed(history):
        if sample.tasks != 0 or sample.first_scrape is None or sample.last_scrape is None:
            break
        if sample.at - sample.age <= demoted_at:
            break
        if later is None or sample.last_scrape < later:
            count += 1
            later = sample.first_scrape
    return count


def _needed(policy: DrainPolicy, demotion: Demotion, now: datetime) -> int:
    # Somebody has seen the whole row since the demotion, just now, and noted it: one fresh zero confirms it. After an
    # older note nobody may have looked, and the one zero be a pause between two tasks.
    since = demotion.counted_from
    if since is None or demotion.drained_at is None or demotion.drained_at <= since:
        return policy.samples
    return 1 if abs(now - demotion.drained_at) <= _CONFIRMED * policy.interval else policy.samples


def _decision(state: DrainState, tasks: str, reason: str) -> DrainDecision:
    return DrainDecision(state, tasks, (reason,))
