"""Which releases may go: never one that is routed, referenced, busy, unknown or too young (B1, B2, B3, S9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.retention import Act, Findings, Routes, decide, left_behind, marked, reverted, was_live
from rainbow.model.release import Phase, Release
from tests.decisions.make import HOUR, NOW, release

ELSEWHERE = Routes(current="v9")


def drain(state: DrainState) -> DrainDecision:
    """A decision about work in that state."""
    return DrainDecision(state, "0" if state is DrainState.DRAINED else "unknown", (f"it is {state}",))


IDLE = Findings(drain(DrainState.DRAINED), objects=5)
HIDDEN = Findings(drain(DrainState.DRAINED), objects=5, hidden="no right")
NEVER_LIVE: dict[str, Any] = {"live_at": None, "demoted_at": None}
FAILED = {**NEVER_LIVE, "phase": Phase.FAILED}
BROKEN_OFF: dict[str, Any] = {"traffic": "switching", "noted_at": NOW - 2 * HOUR}
MARKED = {"phase": Phase.DELETED}
COMMITTED = {**MARKED, "deleted_at": NOW - HOUR}

TABLE: dict[str, tuple[dict[str, Any], Routes, Findings, Act, str]] = {
    "drained and old enough": ({}, ELSEWHERE, IDLE, Act.DELETE, "it is drained"),
    "current": ({}, Routes("v1"), IDLE, Act.KEEP, "current"),
    "referred to by a route": ({}, Routes("v9", {"v1": ("admin",)}), IDLE, Act.KEEP, "admin"),
    "no release is current": ({}, Routes(None), IDLE, Act.KEEP, "points at no release"),
    "a switch to it is under way": ({"traffic": "switching"}, ELSEWHERE, IDLE, Act.KEEP, "switch"),
    "a switch to it, by a workflow": (BROKEN_OFF, ELSEWHERE, replace(IDLE, running=True), Act.KEEP, "at work on it"),
    "a switch to it, workflows unknown": (BROKEN_OFF, ELSEWHERE, IDLE, Act.KEEP, "cannot be listed"),
    "a switch to it, by hand perhaps": (
        {"traffic": "switching", "noted_at": NOW - HOUR / 2},
        ELSEWHERE,
        replace(IDLE, running=False),
        Act.KEEP,
        "no workflow is at work on it",
    ),
    "a switch to it, nobody knows since when": (
        {"traffic": "switching"},
        ELSEWHERE,
        replace(IDLE, running=False),
        Act.KEEP,
        "not known since when",
    ),
    "a switch to it was broken off long ago": (
        BROKEN_OFF,
        ELSEWHERE,
        replace(IDLE, running=False),
        Act.DELETE,
        "it is drained",
    ),
    "a switch to it was broken off, and it may be at work": (
        {**NEVER_LIVE, **BROKEN_OFF, "phase": Phase.READY},
        ELSEWHERE,
        Findings(drain(DrainState.WORKING), 5, running=False),
        Act.KEEP,
        "working",
    ),
    "a switch to it was broken off, no release is current": (
        BROKEN_OFF,
        Routes(None),
        replace(IDLE, running=False),
        Act.KEEP,
        "points at no release",
    ),
    "its record says it has traffic": ({"traffic": "100%"}, ELSEWHERE, IDLE, Act.KEEP, "carries traffic"),
    "its record says Current": ({"phase": Phase.CURRENT}, ELSEWHERE, IDLE, Act.KEEP, "carries traffic"),
    "nobody looked at its tasks": ({}, ELSEWHERE, Findings(None, 5), Act.KEEP, "nobody has looked"),
    "pending": ({**NEVER_LIVE, "phase": Phase.PENDING}, ELSEWHERE, IDLE, Act.KEEP, "being released"),
    "testing, though live before": ({"phase": Phase.TESTING}, ELSEWHERE, IDLE, Act.KEEP, "being released"),
    "ready and never live": ({**NEVER_LIVE, "phase": Phase.READY}, ELSEWHERE, IDLE, Act.KEEP, "Ready"),
    "ready, its workflow at work": (
        {**NEVER_LIVE, "phase": Phase.READY},
        ELSEWHERE,
        Findings(running=True),
        Act.KEEP,
        "a workflow is at work on it",
    ),
    "ready, its workflow ended just now": (
        {**NEVER_LIVE, "phase": Phase.READY, "tested_at": NOW - HOUR / 2},
        ELSEWHERE,
        Findings(running=False),
        Act.KEEP,
        "Ready: no workflow is at work on it; kept for 1h",
    ),
    "ready, its workflow ended long ago": (
        {**NEVER_LIVE, "phase": Phase.READY, "tested_at": NOW - HOUR},
        ELSEWHERE,
        Findings(running=False),
        Act.DELETE,
        "Ready for more than 1h, with no workflow",
    ),
    "pending, its workflow cancelled long ago": (
        {**NEVER_LIVE, "phase": Phase.PENDING},
        ELSEWHERE,
        Findings(running=False),
        Act.DELETE,
        "Pending for more than 1h",
    ),
    "testing again by hand, its workflow long gone": (
        {**NEVER_LIVE, "phase": Phase.TESTING, "noted_at": NOW - HOUR / 60},
        ELSEWHERE,
        Findings(running=False),
        Act.KEEP,
        "Testing",
    ),
    "testing, live before, its workflow long gone": (
        {"phase": Phase.TESTING},
        ELSEWHERE,
        Findings(drain(DrainState.WORKING), running=False),
        Act.KEEP,
        "working",
    ),
    "failed just now": ({**FAILED, "failed_at": NOW}, ELSEWHERE, Findings(), Act.KEEP, "retried"),
    "failed nobody knows when": (FAILED, ELSEWHERE, Findings(), Act.KEEP, "not known when"),
    "failed long ago": ({**FAILED, "failed_at": NOW - 2 * HOUR}, ELSEWHERE, Findings(), Act.DELETE, "failed"),
    "failed long ago, no route yet": (
        {**FAILED, "failed_at": NOW - 2 * HOUR},
        Routes(None),
        Findings(),
        Act.DELETE,
        "",
    ),
    "failed long ago, but live before": (
        {"phase": Phase.FAILED, "failed_at": NOW - 2 * HOUR},
        ELSEWHERE,
        Findings(drain(DrainState.WORKING)),
        Act.KEEP,
        "working",
    ),
    "marked, and still drained": (MARKED, ELSEWHERE, IDLE, Act.DELETE, "drained"),
    "marked, and busy after all": (MARKED, ELSEWHERE, Findings(drain(DrainState.WORKING)), Act.REVERT, "working"),
    "marked, and unknown now": (MARKED, ELSEWHERE, Findings(drain(DrainState.UNKNOWN)), Act.REVERT, "unknown"),
    "marked, and current after all": (MARKED, Routes("v1"), IDLE, Act.REVERT, "current"),
    "deletion broken off": (COMMITTED, ELSEWHERE, Findings(None, 2), Act.COMPLETE, "objects left: 2"),
    "deletion broken off, but referred to": (
        COMMITTED,
        Routes("v9", {"v1": ("x",)}),
        Findings(None, 2),
        Act.REVERT,
        "x",
    ),
    "some objects cannot be seen": ({}, ELSEWHERE, HIDDEN, Act.KEEP, "no right"),
    "some objects cannot be seen, and current": ({}, Routes("v1"), HIDDEN, Act.KEEP, "current"),
    "marked, and some objects cannot be seen": (MARKED, ELSEWHERE, HIDDEN, Act.REVERT, "no right"),
    "deleted": (COMMITTED, ELSEWHERE, Findings(None, 0), Act.NOTHING, "deleted"),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_verdict_is(case: str) -> None:
    """A table named as sentences; the reason names the blocker."""
    status, routes, findings, act, text = TABLE[case]
    verdict = decide(release("v1", **status), routes, findings, NOW)
    assert verdict.act is act
    assert verdict.release == "v1"
    assert text in verdict.reason


@pytest.mark.parametrize("state", [state for state in DrainState if state is not DrainState.DRAINED])
def test_kept_while_it_is(state: DrainState) -> None:
    """Only one state of its work lets a release go."""
    verdict = decide(release(), ELSEWHERE, Findings(drain(state), 5), NOW)
    assert (verdict.act, verdict.reason) == (Act.KEEP, f"it is {state}")


times = st.none() | st.integers(0, 20000).map(lambda s: NOW - s * HOUR / 3600)
releases = st.builds(
    release,
    st.just("v1"),
    phase=st.sampled_from(Phase),
    live_at=times,
    demoted_at=times,
    drained_at=times,
    deleted_at=times,
    failed_at=times,
    traffic=st.sampled_from([None, "-", "100%", "switching"]),
    noted_at=times,
)
routes = st.builds(
    Routes,
    st.sampled_from([None, "v1", "v2"]),
    st.dictionaries(st.sampled_from(["v1", "v2"]), st.just(("other",)), max_size=2),
)
findings = st.builds(
    Findings,
    st.none() | st.sampled_from(DrainState).map(drain),
    st.integers(0, 3),
    st.sampled_from([None, "no right"]),
    st.none() | st.booleans(),
)


@given(releases, routes, findings)
def test_nothing_live_is_ever_deleted(record: Release, around: Routes, found: Findings) -> None:
    """For any record, route and drain decision: deletion only with every single reason for it."""
    verdict = decide(record, around, found, NOW)
    assert verdict.reason
    if verdict.act not in (Act.DELETE, Act.COMPLETE):
        return
    assert around.current != "v1"
    assert not around.references.get("v1")
    if verdict.act is Act.COMPLETE:
        assert record.status.phase is Phase.DELETED
        return
    assert found.hidden is None
    assert record.status.traffic != "100%"
    assert record.status.phase is not Phase.CURRENT
    if left_behind(record.status):
        assert found.running is False
        assert NOW - (record.noted_at or record.created) >= record.spec.app.retention.failed_age
    if was_live(record.status) or record.status.traffic == "switching":
        assert around.current is not None
        assert found.drain is not None
        assert found.drain.state is DrainState.DRAINED
    if record.status.phase is Phase.FAILED:
        assert record.status.failed_at is not None
        assert NOW - record.status.failed_at >= record.spec.app.retention.failed_age


def test_what_is_reverted_becomes_what_it_was() -> None:
    """The mark of a deletion that does not happen leaves no trace in the phase."""
    assert reverted(release(**MARKED), ELSEWHERE)["phase"] is Phase.DRAINING
    assert reverted(release(**MARKED), Routes("v1"))["phase"] is Phase.CURRENT
    assert reverted(release(**{**NEVER_LIVE, **MARKED}), ELSEWHERE)["phase"] is Phase.FAILED


def test_only_what_may_go_by_itself_is_passing() -> None:
    """Whoever expected the release to go looks again then; a route that refers to it stays until somebody acts."""
    passing = {case: decide(release("v1", **TABLE[case][0]), *TABLE[case][1:3], NOW).passing for case in TABLE}
    assert passing["a switch to it is under way"]
    assert passing["nobody looked at its tasks"]
    assert passing["marked, and busy after all"]
    for case in ("referred to by a route", "current", "no release is current", "failed just now"):
        assert not passing[case], case


def test_a_switch_that_was_broken_off_counts_as_a_demotion_at_its_last_note() -> None:
    """It may have led users there: after the mark of the deletion its work is asked about as that of any other."""
    changes = marked(release(**{**NEVER_LIVE, **BROKEN_OFF, "phase": Phase.READY}))
    assert changes["traffic"] == "-"
    assert changes["demoted_at"] == BROKEN_OFF["noted_at"]
    assert was_live(release(**{**NEVER_LIVE, **changes}).status)
    assert "demoted_at" not in marked(release())
