"""Evidence of no work counts from the seal on, and the age of a release does not begin anew with it (B1, S9)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rainbow.decisions.drain import Demotion, DrainState, decide_drain
from rainbow.decisions.evidence import Sample
from tests.decisions.make import HOUR, NOW, POLICY, SECOND, sample

DEMOTED = NOW - 2 * HOUR


def row(*ago: float) -> list[Sample]:
    """Samples without a task, so many seconds ago."""
    return [sample(0, seconds) for seconds in ago]


@pytest.mark.parametrize(
    ("sealed_at", "samples", "state"),
    [
        (None, row(30, 20, 10), DrainState.DRAINED),
        (NOW - 40 * SECOND, row(30, 20, 10), DrainState.DRAINED),
        (NOW - 25 * SECOND, row(30, 20, 10), DrainState.SETTLING),  # one of them is from before
        (NOW - 5 * SECOND, row(30, 20, 10), DrainState.SETTLING),
        (NOW, row(30, 20, 10), DrainState.SETTLING),
    ],
)
def test_what_was_scraped_before_the_seal_is_no_evidence(
    sealed_at: object, samples: list[Sample], state: DrainState
) -> None:
    """A task may have begun through the last way in just before that was closed."""
    assert decide_drain(samples, POLICY, Demotion(DEMOTED, sealed_at=sealed_at), NOW).state is state  # type: ignore[arg-type]


def test_a_note_from_before_the_seal_spares_no_sample() -> None:
    """Somebody saw a whole row a moment ago; but not since."""
    noted = Demotion(DEMOTED, drained_at=NOW - 20 * SECOND)
    assert decide_drain(row(2), POLICY, noted, NOW).state is DrainState.DRAINED
    sealed = Demotion(DEMOTED, drained_at=NOW - 20 * SECOND, sealed_at=NOW - 10 * SECOND)
    assert decide_drain(row(2), POLICY, sealed, NOW).state is DrainState.SETTLING


def test_a_task_after_the_seal_is_work() -> None:
    """Found, whatever was before."""
    sealed = Demotion(DEMOTED, sealed_at=NOW - 40 * SECOND)
    assert decide_drain([*row(30, 20), sample(1, 10)], POLICY, sealed, NOW).state is DrainState.WORKING


def test_the_minimum_age_goes_on_counting() -> None:
    """Else sealing would keep a release for as long again."""
    sealed = Demotion(NOW - POLICY.minimum_age - timedelta(seconds=1), sealed_at=NOW - 40 * SECOND)
    assert decide_drain(row(30, 20, 10), POLICY, sealed, NOW).state is DrainState.DRAINED
