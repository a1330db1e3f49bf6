"""How releases stand, for people: the route before the record, the workflow before the note, and nothing left out."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.age import TOO_YOUNG
from rainbow.decisions.standing import AppStanding, Seen, Standing, standing
from rainbow.decisions.workflow_view import RELEASE_STEPS, Outcome, StepState, StepView, WorkflowView
from rainbow.model.release import Mark, Phase, Release
from tests.decisions.make import HOUR, NOW, SECOND, release

AGO = NOW - 12 * SECOND


def view(*steps: StepView, outcome: Outcome = Outcome.RUNNING) -> WorkflowView:
    """A workflow with these steps, and the others waiting."""
    named = {step.name: step for step in steps}
    return WorkflowView([named.get(name, StepView(name)) for name in RELEASE_STEPS], outcome, "")


def app(*releases: Release, **more: Any) -> AppStanding:
    """Of the app spawn; v1 is current unless told otherwise."""
    given = {"current": "v1"} | more
    return standing(Seen("spawn", "spawn", releases, **given), NOW)


def only(*releases: Release, **more: Any) -> Standing:
    """Of the one release."""
    (one,) = app(*releases, **more).releases
    return one


CURRENT = {"phase": Phase.CURRENT, "traffic": "100%", "demoted_at": None}


def test_traffic_is_what_the_route_says() -> None:
    """The record is a note, and the contradiction is told."""
    one = only(release("v1", phase=Phase.DRAINING, traffic="-"))
    assert one.traffic == "100%"
    assert one.waits == "the route leads to it, though its record says Draining"
    other = only(release("v2", **CURRENT))
    assert other.traffic == "-"
    assert other.waits == "its record says Current, though the route leads to v1"


def test_without_a_route_the_records_count_and_that_is_said() -> None:
    """Unknown is not "nobody"."""
    found = app(release("v1", **CURRENT), current=None, route_trouble="forbidden")
    assert found.releases[0].traffic == "100%"
    assert found.releases[0].waits == ""
    assert found.remarks == ("where the route of spawn leads is unknown, its records count: forbidden",)


@pytest.mark.parametrize(
    ("steps", "step", "waits"),
    [
        ((), "", "Argo has not begun it yet"),
        ((StepView("deploy", StepState.RUNNING, AGO),), "deploy", ""),
        (
            (StepView("run-tests", StepState.RUNNING, NOW), StepView("check-compatibility", StepState.RUNNING, AGO)),
            "run-tests, check-compatibility",
            "",
        ),
        (
            (StepView("deploy", StepState.RUNNING, AGO, message="failed for now, 12:01:00", again=True),),
            "deploy",
            "failed for now, 12:01:00",
        ),
        (
            (StepView("make-room", message="Waiting for spawn/Mutex/x lock"),),
            "make-room",
            "Waiting for spawn/Mutex/x lock",
        ),
        (
            (StepView("approval", message="waiting for a person", gate=True),),
            "approval",
            "an answer: rainbow approve -n spawn spawn v2",
        ),
        ((StepView("lint", StepState.DONE, AGO, AGO, tries=1),), "after lint", ""),
    ],
)
def test_what_a_release_under_way_waits_for_says_its_workflow(
    steps: tuple[StepView, ...], step: str, waits: str
) -> None:
    """It knows best, down to the command that a person has to give."""
    one = only(release("v2", phase=Phase.PENDING, live_at=None, demoted_at=None), at_work={"v2": view(*steps)})
    assert (one.step, one.waits) == (step, waits)


def test_of_steps_that_run_together_the_first_says_since_when() -> None:
    """The longer one is what is waited for."""
    steps = StepView("run-tests", StepState.RUNNING, NOW), StepView("check-compatibility", StepState.RUNNING, AGO)
    assert only(release("v2", phase=Phase.TESTING), at_work={"v2": view(*steps)}).step_since == AGO


def test_a_workflow_that_is_over_says_nothing_any_more() -> None:
    """The record has the last word."""
    over = view(StepView("deploy", StepState.FAILED, AGO, AGO), outcome=Outcome.FAILED)
    one = only(release("v2", phase=Phase.FAILED, message="2 tests failed"), at_work={"v2": over})
    assert (one.step, one.waits) == ("", "2 tests failed")


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        ({"phase": Phase.PENDING}, "no workflow is at work on it"),
        ({"phase": Phase.TESTING}, "no workflow is at work on it"),
        ({"phase": Phase.READY}, ""),
        ({"phase": Phase.FAILED}, "no reason recorded"),
        ({"phase": Phase.DRAINING, "blocker": "3 tasks"}, "3 tasks"),
        (
            {"phase": Phase.DRAINING, "blocker": TOO_YOUNG, "demoted_at": NOW - HOUR / 2},
            "younger than 1h since its demotion: 30m left",
        ),
        ({"phase": Phase.DELETED, "deleted_at": NOW}, "deleted 2026-05-04T12:00Z"),
        ({"phase": Phase.DELETED}, "being deleted"),
        (
            {"phase": Phase.DRAINED, "rejected": Mark(reason="errors", by="ann", at=NOW)},
            "rolled back from by ann: errors",
        ),
    ],
)
def test_else_its_record_says_it(status: dict[str, Any], waits: str) -> None:
    """In words that are right now, not when they were noted."""
    assert only(release("v2", **status)).waits == waits


def test_holds_are_told_where_they_are() -> None:
    """Of a release beside it, of the app below all (B5)."""
    mark = Mark(reason="memory", by="ann", at=NOW)
    found = app(release("v1", **CURRENT, hold=mark), hold=mark)
    assert found.releases[0].held == "held by ann: memory"
    assert found.remarks == ("nothing of spawn is switched: it is held by ann since 2026-05-04T12:00:00.000Z: memory",)


def test_a_record_that_cannot_be_read_has_its_line() -> None:
    """Rather than none."""
    found = app(release("v1", **CURRENT), unreadable={"v9": "malformed"})
    assert [(one.release, one.phase, one.waits) for one in found.releases][1] == ("v9", "?", "malformed")


def test_they_stand_in_the_order_of_releasing() -> None:
    """The newest last, where one looks first."""
    old, new = release("v9", created=NOW - 2 * HOUR), release("v10", created=NOW - HOUR)
    assert [one.release for one in app(new, old).releases] == ["v9", "v10"]


@pytest.mark.parametrize(
    ("status", "current", "gone"),
    [
        ({"phase": Phase.DELETED, "deleted_at": NOW}, "v1", True),
        ({"phase": Phase.DELETED, "deleted_at": NOW}, "v2", False),
        ({"phase": Phase.DRAINED}, "v1", False),
    ],
)
def test_only_what_is_really_gone_counts_as_deleted(status: dict[str, Any], current: str, gone: bool) -> None:
    """One that the route leads to is shown, whatever its record says."""
    assert only(release("v2", **status), current=current).deleted is gone
