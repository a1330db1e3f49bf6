"""From samples to a decision whether a release has work left (S8, S9, B1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.drain import Demotion, DrainState, decide_drain
from rainbow.decisions.evidence import Sample
from tests.decisions.make import HOUR, NOW, POLICY, SECOND, sample

LONG_AGO = Demotion(NOW - 2 * HOUR)
MISTAKES = [replace(sample(None, ago), mistaken=True) for ago in (30, 15, 0)]
ZEROS = [sample(0, 30), sample(0, 15), sample(0, 0)]

TABLE: dict[str, tuple[list[Sample], Demotion, DrainState]] = {
    "nobody has looked": ([], LONG_AGO, DrainState.UNKNOWN),
    "a task is left": ([*ZEROS, sample(1, 0)], LONG_AGO, DrainState.WORKING),
    "half a task is one, too": ([*ZEROS, sample(0.5, 0)], LONG_AGO, DrainState.WORKING),
    "the last look gave nothing": ([*ZEROS, sample(None, 0)], LONG_AGO, DrainState.UNKNOWN),
    "a mistake at every look of a row": (MISTAKES, LONG_AGO, DrainState.MISTAKEN),
    "a mistake at too few looks": (MISTAKES[1:], LONG_AGO, DrainState.UNKNOWN),
    "mistakes with no answer between": ([*MISTAKES[:2], sample(None, 5), MISTAKES[2]], LONG_AGO, DrainState.UNKNOWN),
    "a mistake that is corrected": ([*MISTAKES, sample(2, 0)], LONG_AGO, DrainState.WORKING),
    "the last look is too old": ([sample(0, 100), sample(0, 90), sample(0, 61)], LONG_AGO, DrainState.UNKNOWN),
    "one zero is not enough": ([sample(0, 0)], LONG_AGO, DrainState.SETTLING),
    "zeros on both sides of a task": ([*ZEROS[:2], sample(2, 5), sample(0, 0)], LONG_AGO, DrainState.SETTLING),
    "zeros on both sides of an unknown": ([*ZEROS[:2], sample(None, 5), sample(0, 0)], LONG_AGO, DrainState.SETTLING),
    "the same scrape three times": ([sample(0, n, scraped=9) for n in (4, 2, 0)], LONG_AGO, DrainState.SETTLING),
    "scraped before it was demoted": (ZEROS, Demotion(NOW - 20 * SECOND), DrainState.SETTLING),
    "demoted nobody knows when": (ZEROS, Demotion(None), DrainState.UNKNOWN),
    "zeros in a row, but too young": (ZEROS, Demotion(NOW - 0.5 * HOUR), DrainState.TOO_YOUNG),
    "demoted in the future": (ZEROS, Demotion(NOW + HOUR), DrainState.SETTLING),
    "zeros in a row and old enough": (ZEROS, LONG_AGO, DrainState.DRAINED),
    "drained by the record just now and one fresh zero": (
        ZEROS[:1],
        Demotion(LONG_AGO.at, NOW - 3 * POLICY.interval),
        DrainState.DRAINED,
    ),
    "drained by an old record and one fresh zero": (
        ZEROS[:1],
        Demotion(LONG_AGO.at, NOW - 3 * POLICY.interval - SECOND),
        DrainState.SETTLING,
    ),
    "drained by an old record and a whole row again": (ZEROS, Demotion(LONG_AGO.at, NOW - HOUR), DrainState.DRAINED),
    "drained by the record before the demotion": (
        ZEROS[:1],
        Demotion(LONG_AGO.at, NOW - 3 * HOUR),
        DrainState.SETTLING,
    ),
    "drained by the record, but a task now": ([sample(1, 0)], Demotion(LONG_AGO.at, NOW - HOUR), DrainState.WORKING),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_state_is(case: str) -> None:
    """A table named as sentences."""
    history, demotion, state = TABLE[case]
    decision = decide_drain(history, POLICY, demotion, NOW)
    assert decision.state is state
    assert decision.reasons
    assert (decision.blocker is None) == (state is DrainState.DRAINED)


def test_a_pod_that_was_not_scraped_again_does_not_make_a_second_sample() -> None:
    """Every scrape of a sample is later than every scrape of the one before it."""
    first, second = replace(sample(0, 30), first_scrape=NOW - 45 * SECOND), sample(0, 0)
    mixed = replace(second, first_scrape=first.last_scrape)
    policy = replace(POLICY, samples=2)
    assert decide_drain([first, second], policy, LONG_AGO, NOW).state is DrainState.DRAINED
    assert decide_drain([first, mixed], policy, LONG_AGO, NOW).state is DrainState.SETTLING


def test_unknown_is_written_as_unknown() -> None:
    """What people see in the record is never a zero that nobody counted."""
    assert decide_drain([sample(None, 0)], POLICY, LONG_AGO, NOW).tasks == "unknown"
    assert decide_drain([sample(12, 0)], POLICY, LONG_AGO, NOW).tasks == "12"


seconds = st.integers(0, 7200)
samples = st.builds(
    lambda tasks, ago, lag: sample(tasks, ago, scraped=ago + lag),
    st.none() | st.sampled_from([0.0, 0.0, 0.0, 1.0]),
    seconds,
    st.integers(0, 60),
) | st.builds(lambda ago: replace(sample(None, ago), mistaken=True), seconds)
histories = st.lists(samples, max_size=12).map(lambda found: sorted(found, key=lambda s: s.at))
demotions = st.builds(
    Demotion,
    st.none() | seconds.map(lambda s: NOW - s * SECOND),
    st.none() | seconds.map(lambda s: NOW - s * SECOND),
)


@given(histories, demotions)
def test_drained_is_never_said_without_its_evidence(history: list[Sample], demotion: Demotion) -> None:
    """Drained: fresh, zero, known, demoted long enough ago, and a whole row unless one was noted just now."""
    decision = decide_drain(history, POLICY, demotion, NOW)
    if not decision.idle:
        return
    last = history[-1]
    assert last.tasks == 0
    assert NOW - last.at <= POLICY.max_age
    assert demotion.at is not None
    assert last.at - last.age > demotion.at
    if decision.state is DrainState.DRAINED:
        assert NOW - demotion.at >= POLICY.minimum_age
    noted = demotion.drained_at is not None and demotion.drained_at > demotion.at
    if not noted or (demotion.drained_at and NOW - demotion.drained_at > 3 * POLICY.interval):
        row = history[-POLICY.samples :]
        assert len(row) == POLICY.samples
        assert all(s.tasks == 0 for s in row)


@given(histories, demotions, st.integers(1, 60))
def test_an_unknown_or_busy_last_sample_always_keeps(history: list[Sample], demotion: Demotion, tasks: int) -> None:
    """Whatever was seen before, the last look decides against deletion."""
    for last in (sample(None, 0), sample(tasks, 0)):
        assert not decide_drain([*history, last], POLICY, demotion, NOW).idle


@given(histories, seconds, seconds)
def test_asking_for_a_higher_age_never_lets_more_go(history: list[Sample], low: int, more: int) -> None:
    """Monotonic in the minimum age (S9)."""
    ages = (timedelta(seconds=low), timedelta(seconds=low + more))
    lower, higher = (
        decide_drain(history, replace(POLICY, minimum_age=age), LONG_AGO, NOW).state is DrainState.DRAINED
        for age in ages
    )
    assert lower or not higher


@given(histories, demotions)
def test_asking_for_more_samples_never_lets_more_go(history: list[Sample], demotion: Demotion) -> None:
    """Monotonic in the length of the row."""
    fewer, more = (
        decide_drain(history, replace(POLICY, samples=count), demotion, NOW).state is DrainState.DRAINED
        for count in (2, 4)
    )
    assert fewer or not more
