"""Who may hold, and who may end it."""

from datetime import UTC, datetime, timedelta

import pytest

from rainbow.decisions.hold import Act, decide_hold, decide_resume
from rainbow.model.release import Mark

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
ANN = Mark(reason="a look", by="ann", at=AT)


@pytest.mark.parametrize(
    ("there", "reason", "act", "said"),
    [
        (None, "a look", Act.SET, "held by ann: a look"),
        (ANN, "a look", Act.NOTHING, "held by ann since 2026-05-04T12:00:00.000Z: a look"),
        (ANN, "another", Act.SET, "now for another reason: another"),
        (
            Mark(reason="mine", by="bob", at=AT),
            "a look",
            Act.REFUSE,
            "held by bob since 2026-05-04T12:00:00.000Z: mine",
        ),
    ],
)
def test_a_hold_is_one_persons(there: Mark | None, reason: str, act: Act, said: str) -> None:
    """Another's is not taken over: its reason would be lost (B5)."""
    decision = decide_hold(there, Mark(reason=reason, by="ann", at=LATER))
    assert decision.act is act
    assert said in decision.reason


def test_anybody_may_resume_and_it_may_be_done_twice() -> None:
    """Whoever holds may be on leave; and a workflow may be retried."""
    assert (decide_resume(ANN).act, decide_resume(None).act) == (Act.REMOVE, Act.NOTHING)
    assert "held by ann" in decide_resume(ANN).reason


@pytest.mark.parametrize(
    ("what", "asked", "act"),
    [
        ("just now", None, Act.REMOVE),
        ("after it was set", LATER, Act.REMOVE),
        ("in the same second, as far as the API server tells", AT - timedelta(milliseconds=900), Act.REMOVE),
        ("before it was set, by a workflow that is retried", AT - timedelta(seconds=30), Act.REFUSE),
    ],
)
def test_only_a_hold_that_was_there_when_its_end_was_asked_for_is_ended(
    what: str, asked: datetime | None, act: Act
) -> None:
    """Whoever wanted the older one to end knows nothing of the newer one's reason."""
    decision = decide_resume(ANN, asked)
    assert decision.act is act, what
    assert "held by ann" in decision.reason
