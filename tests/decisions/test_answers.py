"""A million answers in columns: what is a failure, whose answer came last, and latencies from when they were due."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.answers import Answer, Answers, Heard, percentile
from rainbow.model.probing import Target

SHOP, ORDERS, EVENTS = (
    Target.parse(text) for text in ("http://shop/", "POST http://shop/orders", "STREAM http://shop/events")
)


def heard(*answers: Answer, named: bool = False) -> Answers:
    """They all came."""
    found = Answers((SHOP, ORDERS, EVENTS), named)
    for answer in answers:
        found.add(answer)
    return found


FAILURES = {
    "a success": (Answer(1, 0.1, 0, 200, "v1"), False, False),
    "a redirect is an answer, and is not followed": (Answer(1, 0.1, 0, 302, "v1"), False, False),
    "not found": (Answer(1, 0.1, 0, 404, "v1"), True, True),
    "the proxy has nobody behind it": (Answer(1, 0.1, 0, 502), True, True),
    "a connection that broke": (Answer(1, 0.1, 0, None, None, "ServerDisconnectedError"), True, True),
    "a body that broke off after its status": (Answer(1, 0.1, 0, 200, "v1", "ClientPayloadError"), True, True),
    "no status and no error is no answer": (Answer(1, 0.1, 0), True, True),
    "no release named": (Answer(1, 0.1, 0, 200), False, True),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_a_user_would_call_a_failure(name: str) -> None:
    """Whether an answer has to name its release is said beforehand."""
    answer, failed, failed_if_named = FAILURES[name]
    assert heard(answer).failed == failed
    assert heard(answer, named=True).failed == failed_if_named


def test_a_release_is_heard_from_its_first_to_its_last_answer() -> None:
    """An answer counts when it arrives, and a window takes it when it was due."""
    found = heard(Answer(10, 0.5, 0, 200, "v1"), Answer(11, 3.0, 1, 201, "v1"), Answer(12, 0.25, 0, 200, "v2"))
    assert found.summary().releases == {"v1": Heard(10.5, 14.0, 2), "v2": Heard(12.25, 12.25, 1)}
    assert found.summary(11, 12).releases == {"v1": Heard(14.0, 14.0, 1)}
    assert found.summary(11, 12).targets == {str(ORDERS): (1, 0)}
    assert found.summary(12.5).sent == 0


def test_the_last_answer_of_a_release_within_some_time() -> None:
    """Not one of before, not one of a later round, no failure, and no stream that lives as long as it is held."""
    found = heard(
        Answer(10, 0.5, 0, 200, "v1"),
        Answer(11, 0.2, 0, 200, "v1"),
        Answer(11.1, 0.3, 0, 500, "v1"),
        Answer(10, 2, 2, 200, "v1"),
        Answer(20, 0.1, 0, 200, "v1"),
    )
    assert found.last_of("v1", 11, 15) == pytest.approx(11.2)
    assert found.last_of("v1", 11) == pytest.approx(20.1)
    assert found.last_of("v1", 12, 15) is None
    assert found.last_of("v2", 0) is None


def test_what_is_held_and_what_fails_says_nothing_of_latency() -> None:
    """A stream of ten seconds is not slow, and a refused connection is not quick."""
    found = heard(
        Answer(1, 0.1, 0, 200, "v1"), Answer(1, 10, 2, 200, "v1"), Answer(1, 0.0001, 0, None, None, "refused")
    )
    summary = found.summary()
    assert (summary.p50, summary.p99, summary.longest) == (100, 100, 100)
    assert (summary.sent, summary.failed, len(found)) == (3, 1, 3)


def test_nothing_was_heard() -> None:
    """There is no latency of nothing."""
    summary = heard().summary()
    assert (summary.sent, summary.p50, summary.longest, summary.releases) == (0, None, None, {})


@given(st.lists(st.floats(0, 1000), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    """By its definition, the nearest rank."""
    ordered = sorted(values)
    found = percentile(ordered, percent)
    rank = math.ceil(len(values) * percent / 100)
    assert found == round(ordered[rank - 1] * 1000, 2)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5), st.sampled_from([200, 500, None])), max_size=40))
def test_windows_that_follow_each_other_hold_everything_once(came: list[tuple[float, float, int | None]]) -> None:
    """No request is lost between two rounds, and none is counted in both."""
    found = heard(*(Answer(due, took, 0, status, "v1") for due, took, status in came))
    edges = [-math.inf, 10, 50, 50.5, math.inf]
    parts = [found.summary(begin, end) for begin, end in pairwise(edges)]
    assert sum(part.sent for part in parts) == found.summary().sent == len(came)
    assert sum(part.failed for part in parts) == found.failed == len(found.failures)
