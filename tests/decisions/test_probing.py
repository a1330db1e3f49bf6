"""The verdict over a probe: all are successes, there are some, and each failure with what happened around it (J2)."""

from __future__ import annotations

import pytest

from rainbow.decisions.answers import Answer, Answers
from rainbow.decisions.probing import Occurrence, as_json, judge
from rainbow.model.probing import Target

SHOP, ORDERS = Target.parse("http://shop/"), Target.parse("POST http://shop/orders")


def heard(*answers: Answer, targets: tuple[Target, ...] = (SHOP,)) -> Answers:
    """They all came."""
    found = Answers(targets)
    for answer in answers:
        found.add(answer)
    return found


GOOD, BAD = Answer(100, 0.1, 0, 200, "v1"), Answer(101, 0.1, 0, 503, None, "no server")


def test_every_answer_is_a_success_and_there_are_some() -> None:
    """Then users noticed nothing."""
    assert judge(heard(GOOD, GOOD)).noticed == ()


NOTICED = {
    "one of many failed": (heard(GOOD, BAD), None, ["1 of 2 failed"]),
    "nothing was asked, which shows nothing": (heard(), None, ["never asked: GET http://shop/"]),
    "one of the targets was never asked": (heard(GOOD, targets=(SHOP, ORDERS)), None, [f"never asked: {ORDERS}"]),
    "nothing but failures": (heard(BAD), None, ["1 of 1 failed", "not one answer was a success"]),
    "the probe itself broke": (heard(GOOD), "it broke", ["it broke"]),
}


@pytest.mark.parametrize("name", NOTICED)
def test_why_users_would_have_noticed(name: str) -> None:
    """Or why it is not known."""
    answers, trouble, noticed = NOTICED[name]
    verdict = judge(answers, trouble=trouble)
    assert list(verdict.noticed) == noticed
    assert not verdict.good


def test_failures_of_one_kind_in_short_succession_are_one_burst() -> None:
    """A hundred refused connections in a second are one thing that happened; half a minute later it is another."""
    refused = [Answer(100 + n / 10, 0.0, 0, None, None, "refused") for n in range(20)]
    again, other = Answer(130, 0.0, 0, None, None, "refused"), Answer(100.5, 0.0, 0, 502, None, "bad gateway")
    bursts = judge(heard(*refused, other, again)).bursts
    assert [(b.first, b.last, b.count, b.error) for b in bursts] == [
        (100, 101.9, 20, "refused"),
        (100.5, 100.5, 1, "status 502: bad gateway"),
        (130, 130, 1, "refused"),
    ]


def test_what_happened_within_two_seconds_stands_beside_a_failure() -> None:
    """From before its first to after its last moment, in order; what was long before or after explains nothing."""
    happened = [
        Occurrence(104.0, "too late"),
        Occurrence(102.9, "Pod web is ready"),
        Occurrence(99.2, "Pod web is to end"),
        Occurrence(98.9, "too early"),
    ]
    answers = heard(*(Answer(at, 0, 0, None, None, "refused") for at in (101.0, 101.9)))
    (burst,) = judge(answers, happened).bursts
    assert [o.what for o in burst.around] == ["Pod web is to end", "Pod web is ready"]


def test_a_failure_is_said_in_words() -> None:
    """Also where nothing but the status, or not even that, is known."""
    answers = Answers((SHOP,), named=True)
    for answer in (Answer(1, 0, 0, 404), Answer(1, 0, 0, 200), Answer(1, 0, 0), Answer(1, 0, 0, 200, "v1", "cut off")):
        answers.add(answer)
    assert [burst.error for burst in judge(answers).bursts] == [
        "status 404",
        "status 200, which names no release",
        "no answer",
        "status 200: cut off",
    ]


def test_for_programs_times_are_rfc_3339() -> None:
    """In UTC, with milliseconds."""
    data = as_json(judge(heard(GOOD, BAD), [Occurrence(101.5, "Pod web is to end")]))
    assert (data["good"], data["sent"], data["failed"]) == (False, 2, 1)
    assert data["releases"] == {
        "v1": {"first": "1970-01-01T00:01:40.100Z", "last": "1970-01-01T00:01:40.100Z", "answers": 1}
    }
    (failure,) = data["failures"]
    assert failure["around"] == [{"at": "1970-01-01T00:01:41.500Z", "what": "Pod web is to end"}]
