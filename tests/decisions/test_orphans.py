"""Objects of a release without a record: gone only when nothing can be harmed by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.orphans import Orphan, decide_orphan
from rainbow.decisions.retention import Act, Routes
from tests.decisions.make import HOUR, NOW

IDLE = DrainDecision(DrainState.DRAINED, "0", ("no active task",))
BUSY = DrainDecision(DrainState.WORKING, "1", ("1 active task",))
UNKNOWN = DrainDecision(DrainState.UNKNOWN, "unknown", ("active tasks unknown: the drain query gave no series",))
OLD = Orphan("v1", NOW - 2 * HOUR, works=True, drain=IDLE, running=False)
ELSEWHERE = Routes("v9")

TABLE: dict[str, tuple[Orphan, Routes, Act, str]] = {
    "old, idle and led to by nothing": (OLD, ELSEWHERE, Act.DELETE, "no active task"),
    "a Service and a ConfigMap, of an app without a record": (
        replace(OLD, works=False, drain=None),
        Routes(None),
        Act.DELETE,
        "nothing of it works",
    ),
    "the route points at it": (OLD, Routes("v1"), Act.KEEP, "it is current"),
    "a route refers to it": (OLD, Routes("v9", {"v1": ("admin",)}), Act.KEEP, "referred to by admin"),
    "busy": (replace(OLD, drain=BUSY), ELSEWHERE, Act.KEEP, "1 active task"),
    "its work is unknown": (replace(OLD, drain=UNKNOWN), ELSEWHERE, Act.KEEP, "no series"),
    "nobody can ask about its work": (replace(OLD, drain=None), ELSEWHERE, Act.KEEP, "by hand"),
    "young": (replace(OLD, newest=NOW - HOUR / 2), ELSEWHERE, Act.KEEP, "younger than 1h"),
    "a workflow is at work": (replace(OLD, running=True), ELSEWHERE, Act.KEEP, "a workflow is at work"),
    "workflows cannot be listed": (replace(OLD, running=None), ELSEWHERE, Act.KEEP, "not known whether"),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_verdict_is(case: str) -> None:
    """A table named as sentences; the reason names the blocker."""
    orphan, routes, act, text = TABLE[case]
    verdict = decide_orphan(orphan, routes, HOUR, NOW)
    assert verdict.act is act
    assert text in verdict.reason
    assert "no record" in verdict.reason
