"""Which releases may go: never one that is routed, referenced, busy, unknown or too young (B1, B2, B3, S9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.retention import Act, Findings, Routes, decide, left_behind
from rainbow.decisions.sealing import is_sealed, reverted, sealed, was_live
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
MARKED: dict[str, Any] = {"phase": Phase.DELETED}
COMMITTED = {**MARKED, "deleted_at": NOW - HOUR}
SEALED: dict[str, Any] = {"phase": Phase.DRAINED, "sealed_at": NOW}
HOLD = {"reason": "an audit", "by": "ann", "at": NOW}
LONG: dict[str, Any] = {"live_at": NOW - 9 * HOUR, "demoted_at": NOW - 8 * HOUR}
BUSY = Findings(drain(DrainState.WORKING), 5)

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
    "failed long ago, and somebody pressed Retry": (
        {**FAILED, "failed_at": NOW - 2 * HOUR},
        ELSEWHERE,
        Findings(running=True),
        Act.KEEP,
        "a workflow is at work on it again",
    ),
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
    "held": ({"hold": HOLD}, ELSEWHERE, IDLE, Act.KEEP, "held by ann: an audit"),
    "held, and sealed just now": ({**SEALED, "hold": HOLD}, ELSEWHERE, IDLE, Act.REVERT, "held by ann"),
    "kept to be rolled back to": ({}, ELSEWHERE, replace(IDLE, kept="among the newest 2"), Act.KEEP, "newest 2"),
    "sealed, and still drained": (SEALED, ELSEWHERE, IDLE, Act.DELETE, "drained"),
    "sealed, and work was found": (SEALED, ELSEWHERE, BUSY, Act.REVERT, "working"),
    "sealed, and somebody switches to it": (
        {**SEALED, "traffic": "switching"},
        ELSEWHERE,
        replace(IDLE, running=True),
        Act.KEEP,
        "a switch to it",
    ),
    "sealed, and current after all": (SEALED, Routes("v1"), IDLE, Act.REVERT, "current"),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_verdict_is(case: str) -> None:
    """A table named as sentences; the reason names the blocker."""
    status, routes, findings, act, text = TABLE[case]
    verdict = decide(release("v1", **status), routes, findings, NOW)
    assert verdict.act is act
    assert verdict.release == "v1"
    assert text in verdict.reason


OVERDUE: dict[str, tuple[dict[str, Any], str, Findings, Act, str]] = {
    "working, to be kept": (LONG, "keep", BUSY, Act.KEEP, "overdue, drains for more than 6h: it is working"),
    "working, to be deleted": (LONG, "delete", BUSY, Act.DELETE, "with the work it has left: it is working"),
    "unknown, to be deleted": (
        LONG,
        "delete",
        Findings(drain(DrainState.UNKNOWN), 5),
        Act.DELETE,
        "overdue, drains for more than 6h (retention.overdue: delete)",
    ),
    "working, not long enough yet": ({}, "delete", BUSY, Act.KEEP, "it is working"),
    "working, nobody knows since when": ({"demoted_at": None}, "delete", BUSY, Act.KEEP, "it is working"),
    "working, demoted before it was last live": (
        {**LONG, "live_at": NOW - HOUR},
        "delete",
        BUSY,
        Act.KEEP,
        "it is working",
    ),
    "held": ({**LONG, "hold": HOLD}, "delete", BUSY, Act.KEEP, "held"),
    "kept to be rolled back to": (LONG, "delete", replace(BUSY, kept="the newest"), Act.KEEP, "the newest"),
    "drained": (LONG, "keep", IDLE, Act.DELETE, "it is drained"),
}


@pytest.mark.parametrize("case", OVERDUE)
def test_overdue_and(case: str) -> None:
    """What drains for longer than the maximum is deleted by an explicit policy only; otherwise it says so (B7)."""
    status, act, findings, expected, text = OVERDUE[case]
    record = release("v1", retention={"minimumAge": "1h", "maximumDrainAge": "6h", "overdue": act}, **status)
    verdict = decide(record, ELSEWHERE, findings, NOW)
    assert verdict.act is expected
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
    sealed_at=times,
    hold=st.sampled_from([None, HOLD]),
    retention=st.sampled_from([None, {"minimumAge": "1s", "maximumDrainAge": "1h", "overdue": "delete"}]),
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
    st.sampled_from([None, "to be rolled back to"]),
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
    assert found.kept is None
    assert record.status.hold is None
    assert record.status.traffic != "100%"
    assert record.status.phase is not Phase.CURRENT
    if left_behind(record.status):
        assert found.running is False
        noted_at = None if record.status.sealed_at is not None else record.noted_at  # the seal is nobody's work at it
        assert NOW - (noted_at or record.created) >= record.spec.app.retention.failed_age
    if was_live(record.status) or record.status.traffic is not None:
        assert around.current is not None
        overdue = record.spec.app.retention.maximum_drain_age is not None and record.status.demoted_at is not None
        assert overdue or (found.drain is not None and found.drain.state is DrainState.DRAINED)
    if record.status.phase is Phase.FAILED:
        assert record.status.failed_at is not None
        assert NOW - record.status.failed_at >= record.spec.app.retention.failed_age


def test_what_is_reverted_becomes_what_it_was() -> None:
    """The seal of a deletion that does not happen leaves no trace; work that was found makes it drain again."""
    assert reverted(release(**MARKED), None, working=False)["phase"] is Phase.DRAINING
    assert reverted(release(**MARKED), "v1", working=False)["phase"] is Phase.CURRENT
    assert reverted(release(**{**NEVER_LIVE, **MARKED}), "v9", working=False)["phase"] is Phase.FAILED
    assert "phase" not in reverted(release(phase=Phase.DRAINED, sealed_at=NOW), "v9", working=False)
    assert "phase" not in reverted(release(**NEVER_LIVE, phase=Phase.READY, sealed_at=NOW), "v9", working=False)
    changes = reverted(release(phase=Phase.DRAINED, drained_at=NOW, sealed_at=NOW), "v9", working=True)
    assert changes == {"phase": Phase.DRAINING, "drained_at": None, "sealed_at": None, "deleted_at": None}


def test_a_seal_from_before_it_was_last_live_is_none() -> None:
    """Somebody has switched to it, or taken it up again, since."""
    assert is_sealed(release(sealed_at=NOW).status)
    assert not is_sealed(release().status)
    assert not is_sealed(release(sealed_at=NOW - 3 * HOUR).status)
    assert not is_sealed(release(sealed_at=NOW - HOUR, live_at=NOW, demoted_at=None).status)
    assert not is_sealed(release(sealed_at=NOW - HOUR, redeployed_at=NOW).status)


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
    changes = sealed(release(**{**NEVER_LIVE, **BROKEN_OFF, "phase": Phase.READY}), NOW)
    assert changes["traffic"] == "-"
    assert changes["demoted_at"] == BROKEN_OFF["noted_at"]
    assert was_live(release(**{**NEVER_LIVE, **changes}).status)
    assert "demoted_at" not in sealed(release(), NOW)
