"""For which release of blue/green the idle one makes way, and for which nothing does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rainbow.decisions.room import Act, decide_room, waits_for_approval
from rainbow.model.release import Mark, Phase, Release
from rainbow.model.route import RouteState
from tests.decisions.make import HOUR, NOW, release

MARK = Mark(reason="errors", by="ada", at=NOW - HOUR)
NEVER_LIVE: dict[str, Any] = {"live_at": None, "demoted_at": None}
ROUTE = RouteState(True, "v4", "7", frozenset({"api-v4"}), switched_at=NOW - 3 * HOUR, previous="v2")
V2 = release("v2", created=NOW - 20 * HOUR)
V4 = release("v4", created=NOW - 9 * HOUR, phase=Phase.CURRENT, demoted_at=None)


def coming(phase: Phase = Phase.PENDING, *, ago: timedelta = timedelta(), **status: Any) -> Release:
    """The one that is to be deployed, made so long ago."""
    return release("v5", created=NOW - ago, phase=phase, **(NEVER_LIVE | status))


CASES: dict[str, tuple[Release, Mark | None, Act, str]] = {
    "it may go live": (coming(), None, Act.MAKE, "the idle one makes way"),
    "it failed, is the newest, and is tried again": (coming(Phase.FAILED), None, Act.MAKE, "the idle one makes way"),
    "the app is held": (coming(), MARK, Act.REFUSE, "app spawn is held by ada"),
    "it is superseded": (coming(Phase.FAILED, ago=12 * HOUR), None, Act.REFUSE, "v5 is superseded: v4 is current"),
    "it was current before": (release("v5", created=NOW), None, Act.REFUSE, "was current before and was replaced"),
    "it was rolled back from": (coming(rejected=MARK), None, Act.REFUSE, "was rolled back from by ada"),
    "it is deleted": (coming(Phase.DELETED, deleted_at=NOW), None, Act.REFUSE, "rainbow redeploy -n spawn spawn v5"),
    "its deletion is announced": (coming(Phase.DELETED), None, Act.REFUSE, "rainbow redeploy -n spawn spawn v5"),
}


@pytest.mark.parametrize("case", CASES)
def test_room_is_made_only_for_one_that_may_go_live(case: str) -> None:
    """What makes way is what a rollback would go to: it goes for nothing that comes to nothing."""
    new, hold, act, why = CASES[case]
    decision = decide_room(new, ROUTE, [V2, V4, new], hold)
    assert decision.act is act
    assert why in decision.reason


def test_the_current_one_needs_no_room_whatever_its_workflow_does_again() -> None:
    """Retry of the whole workflow would else delete what it has just replaced."""
    assert decide_room(V4, ROUTE, [V2, V4], MARK).act is Act.NOTHING


def test_a_redeployed_release_is_new() -> None:
    """Its life before the deletion counts for nothing."""
    again = coming(redeployed_at=NOW, ago=30 * HOUR)
    assert decide_room(again, ROUTE, [V2, V4, again]).act is Act.MAKE


def test_a_tested_release_may_be_at_its_gate() -> None:
    """Only where a person decides."""
    new = coming(Phase.READY)
    app = new.spec.app.model_copy(update={"approval": True})
    asked = new.model_copy(update={"spec": new.spec.model_copy(update={"app": app})})
    assert [waits_for_approval(one) for one in (new, asked)] == [False, True]
