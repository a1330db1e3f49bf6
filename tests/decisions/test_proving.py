"""Rounds of a proof: which requests belong to which, how long the old release answered, and when nothing is shown."""

from __future__ import annotations

import pytest

from rainbow.decisions.answers import Answer, Answers
from rainbow.decisions.probing import judge
from rainbow.decisions.proving import Proof, Turn, proof_json, rounds, table, unproved
from rainbow.model.probing import Target

TURNS = (Turn("v2", "v1", 100, 101), Turn("v1", "v2", 110, 111))


def answers() -> Answers:
    """Ten requests a second; each release answers for 120 ms after the switch away from it."""
    found = Answers((Target.parse("http://shop/"),), named=True)
    for n in range(980, 1200):
        due = n / 10
        release = "v2" if 101.1 < due <= 111.1 else "v1"
        found.add(Answer(due, 0.02, 0, 200, release))
    return found


def test_each_request_belongs_to_one_round() -> None:
    """The first takes in what was asked before it, the last what was asked after it."""
    first, second = rounds(answers(), TURNS)
    assert (first.sent, second.sent) == (120, 100)
    assert (first.failed, second.failed) == (0, 0)
    assert first.p50 == pytest.approx(20, abs=0.01)


def test_the_last_answer_of_the_release_before_counts_from_the_switch() -> None:
    """Also where that release comes back in the next round."""
    assert [r.old_ms for r in rounds(answers(), TURNS)] == [pytest.approx(120, abs=0.2), pytest.approx(120, abs=0.2)]


def test_without_a_release_before_nothing_is_measured() -> None:
    """Nor where the switch never came; and an old release that was silent at once has answered for no time."""
    first, failed, silent = rounds(
        answers(), (Turn("v2", None, 100, 101), Turn("v1", "v2", 110), Turn("v3", "v0", 112, 113))
    )
    assert (first.old_ms, failed.old_ms, silent.old_ms) == (None, None, 0.0)


UNPROVED = {
    "all went as wanted": (TURNS, 2, []),
    "fewer rounds than wanted": (TURNS, 3, ["only 2 of 3 rounds came to their end"]),
    "a round failed": (
        (TURNS[0], Turn("v1", "v2", 110, trouble="its tests failed")),
        2,
        ["v1: its tests failed", "only 1 of 2 rounds came to their end"],
    ),
    "a round in which nobody asked": (
        (*TURNS, Turn("v4", "v1", 500, 501)),
        3,
        ["nothing was asked in the round of v4"],
    ),
}


@pytest.mark.parametrize("name", UNPROVED)
def test_why_rounds_show_nothing(name: str) -> None:
    """Whatever the answers were."""
    turns, wanted, why = UNPROVED[name]
    assert list(unproved(turns, rounds(answers(), turns), wanted)) == why


def proof(wanted: int = 2, **changes: object) -> Proof:
    """One of two switches."""
    found = rounds(answers(), TURNS)
    plain = {"app": "shop", "strategy": "rainbow", "route": "ingress", "mode": "switches", "rate": 10.0}
    known = {"wanted": wanted, "rounds": found, "verdict": judge(answers()), "unproved": unproved(TURNS, found, wanted)}
    return Proof(**(plain | known | changes))  # type: ignore[arg-type]


def test_a_proof_is_good_when_its_rounds_and_its_answers_are() -> None:
    """Neither makes up for the other."""
    assert proof().good
    assert not proof(wanted=3).good
    assert not proof(verdict=judge(answers(), trouble="it broke")).good


def test_the_table_is_made_from_what_was_written() -> None:
    """A line for each proof; one that proves nothing says so instead of a bare zero."""
    text = table([proof_json(proof()), proof_json(proof(wanted=3, route="service"))])
    assert text.splitlines()[2:] == [
        "| rainbow | ingress | 2 switches at 10/s | 220 | 0 | 120 ms (at most 120 ms) | 20.0 ms | 20.0 ms |",
        "| rainbow | service | 2 switches at 10/s | 220 | **0, not proved** | 120 ms (at most 120 ms) | 20.0 ms "
        "| 20.0 ms |",
    ]
