"""How a release stands in one cluster, by what was read there: named states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rainbow.decisions.region import Region, RegionFacts, Return, Standing, judge
from rainbow.decisions.workflow_view import RELEASE_STEPS, Outcome, StepState, StepView, WorkflowView
from rainbow.model.release import Mark, Phase, Release, ReleaseStatus
from rainbow.model.route import RouteState
from tests.decisions.make import HOUR, NOW, SECOND, release

S = Standing
BAKE = {"traffic": 't{r="$release"}', "watch": [{"name": "e", "query": 'e{r="$release"}', "limit": 1}]}
MARK = Mark(reason="errors", by="ann", at=NOW)
LIVE: dict[str, Any] = {"phase": Phase.CURRENT, "traffic": "100%", "live_at": NOW, "demoted_at": None}
NEW: dict[str, Any] = {"live_at": None, "demoted_at": None}


def v7(**status: Any) -> Release:
    """The release, which came an hour ago."""
    return release("v7", created=NOW - HOUR, **status)


def route(current: str | None = "v6", previous: str | None = None, *, settled: bool = True) -> RouteState:
    """Where it leads, since an instant."""
    return RouteState(True, current, "1", frozenset(), switched_at=NOW, previous=previous, settled=settled)


def workflow(outcome: Outcome = Outcome.RUNNING, **steps: StepState) -> WorkflowView:
    """Its steps, by name; all others wait."""
    named = {name.replace("_", "-"): state for name, state in steps.items()}
    views = [StepView(n, named.get(n, StepState.WAITING), message="boom" if n in named else "") for n in RELEASE_STEPS]
    return WorkflowView(views, outcome, "")


FAILED_DEPLOY = workflow(Outcome.FAILED, deploy=StepState.FAILED)
FAILED_BAKE = workflow(Outcome.FAILED, switch=StepState.DONE, bake=StepState.FAILED)
RUNNING = workflow(deploy=StepState.RUNNING)
BAKING = workflow(Outcome.LIVE, switch=StepState.DONE, bake=StepState.RUNNING)
DONE = workflow(Outcome.FINISHED, switch=StepState.DONE, bake=StepState.SKIPPED)
BAKED_ONCE = workflow(Outcome.FINISHED, switch=StepState.DONE, bake=StepState.DONE)
DRAINING = workflow(Outcome.LIVE, switch=StepState.DONE, bake=StepState.DONE, wait_for_drain=StepState.RUNNING)
UNDOING = workflow(switch=StepState.FAILED, bake=StepState.SKIPPED, undo=StepState.RUNNING)
V6 = release("v6")
V8 = release("v8", created=NOW - SECOND)

TABLE: Mapping[str, tuple[RegionFacts, Standing, str]] = {
    "nothing there": (RegionFacts(None, route()), S.ABSENT, ""),
    "a submission that was cut": (
        RegionFacts(v7().model_copy(update={"status": ReleaseStatus()}), route()),
        S.ABSENT,
        "its submission was broken off",
    ),
    "just submitted": (
        RegionFacts(v7().model_copy(update={"status": ReleaseStatus()}), route(), workflow=workflow()),
        S.UNDER_WAY,
        "lint: waiting",
    ),
    "at work": (RegionFacts(v7(phase=Phase.TESTING, **NEW), route(), workflow=RUNNING), S.UNDER_WAY, "deploy"),
    "failed, and somebody has pressed Retry": (
        RegionFacts(v7(phase=Phase.FAILED, **NEW), route(), workflow=RUNNING),
        S.UNDER_WAY,
        "deploy",
    ),
    "failed": (
        RegionFacts(v7(phase=Phase.FAILED, **NEW), route(), [V6], FAILED_DEPLOY),
        S.FAILED,
        "deploy failed: boom",
    ),
    "failed before it had a phase": (
        RegionFacts(v7(phase=Phase.PENDING, **NEW), route(), [V6], FAILED_DEPLOY),
        S.FAILED,
        "deploy failed: boom",
    ),
    "failed long ago": (
        RegionFacts(v7(phase=Phase.FAILED, message="tests", **NEW), route(), [V6]),
        S.FAILED,
        "tests",
    ),
    "a newer one was quicker": (
        RegionFacts(v7(phase=Phase.FAILED, **NEW), route("v8"), [V6, V8], FAILED_DEPLOY),
        S.OVERTAKEN,
        "release v7 is superseded: v8 is current and newer",
    ),
    "the route moved, the records not yet": (
        RegionFacts(v7(phase=Phase.READY, traffic="switching", **NEW), route("v7"), workflow=RUNNING),
        S.UNDER_WAY,
        "deploy",
    ),
    "the route moved, and the switch failed": (
        RegionFacts(v7(phase=Phase.READY, **NEW), route("v7"), workflow=FAILED_DEPLOY),
        S.FAILED,
        "the route was moved, but its workflow failed: deploy failed: boom",
    ),
    "being rolled out": (
        RegionFacts(v7(**LIVE), route("v7", settled=False), workflow=RUNNING),
        S.UNDER_WAY,
        "deploy",
    ),
    "current, no bake": (RegionFacts(v7(**LIVE), route("v7"), workflow=BAKING), S.SETTLED, "current"),
    "current, though what comes after failed": (
        RegionFacts(v7(**LIVE), route("v7"), workflow=FAILED_DEPLOY),
        S.SETTLED,
        "current",
    ),
    "current, its workflow long gone": (RegionFacts(v7(**LIVE), route("v7")), S.SETTLED, "current"),
    "baking": (RegionFacts(v7(bake=BAKE, **LIVE), route("v7"), workflow=BAKING), S.BAKING, "bake"),
    "baked": (
        RegionFacts(v7(bake=BAKE, baked_at=NOW, **LIVE), route("v7"), workflow=BAKING),
        S.SETTLED,
        "current, and baked",
    ),
    "baked in an earlier life": (
        RegionFacts(v7(bake=BAKE, baked_at=NOW - HOUR, **LIVE), route("v7"), workflow=BAKING),
        S.BAKING,
        "bake",
    ),
    "a bake that the policy asks for since": (
        RegionFacts(v7(bake=BAKE, **LIVE), route("v7"), workflow=DONE),
        S.SETTLED,
        "current, without a bake",
    ),
    "a bake that was given up": (
        RegionFacts(v7(bake=BAKE, **LIVE), route("v7"), workflow=FAILED_BAKE),
        S.UNKNOWN,
        "it is current, but not known to be well: bake failed: boom",
    ),
    "current, and failed before its bake": (
        RegionFacts(v7(bake=BAKE, **LIVE), route("v7"), workflow=FAILED_DEPLOY),
        S.FAILED,
        "it is current, but its workflow failed before its bake: deploy failed: boom",
    ),
    "a bake that nobody watches": (
        RegionFacts(v7(bake=BAKE, **LIVE), route("v7")),
        S.UNKNOWN,
        "it is current, but no workflow is there that watches its bake",
    ),
    "brought back by hand, its workflow long done": (
        RegionFacts(v7(bake=BAKE, baked_at=NOW - HOUR, **LIVE), route("v7"), workflow=BAKED_ONCE),
        S.UNKNOWN,
        "it is current, but no workflow is there that watches its bake",
    ),
    "brought back by hand, while its workflow waits for older ones": (
        RegionFacts(v7(bake=BAKE, baked_at=NOW - HOUR, **LIVE), route("v7"), workflow=DRAINING),
        S.UNKNOWN,
        "it is current, but no workflow is there that watches its bake",
    ),
    "no bake, as its switch is being undone": (
        RegionFacts(v7(bake=BAKE, **LIVE), route("v7"), workflow=UNDOING),
        S.BAKING,
        "undo",
    ),
    "rolled back": (
        RegionFacts(v7(rejected=MARK), route("v6", "v7"), workflow=FAILED_BAKE),
        S.ROLLED_BACK,
        "rolled back from by ann at 2026-05-04T12:00:00.000Z: errors",
    ),
    "being rolled back": (
        RegionFacts(v7(rejected=MARK, **LIVE), route("v7"), workflow=BAKING),
        S.ROLLED_BACK,
        "rolled back from by ann at 2026-05-04T12:00:00.000Z: errors",
    ),
    "replaced": (
        RegionFacts(v7(), route("v8", "v7"), [V8], workflow=DONE),
        S.OVERTAKEN,
        "v8 is current there, and not v7 any more",
    ),
    "replaced, and its record not told yet": (
        RegionFacts(v7(**LIVE), route("v8", "v7"), [V8], workflow=BAKING),
        S.OVERTAKEN,
        "v8 is current there, and not v7 any more",
    ),
    "switched to after the route was read": (
        RegionFacts(v7(**LIVE), route("v6", "v5"), [V6], workflow=RUNNING),
        S.UNDER_WAY,
        "switch",
    ),
    "deleted": (
        RegionFacts(v7(phase=Phase.DELETED), route("v8", "v7")),
        S.OVERTAKEN,
        "v8 is current there, and not v7 any more",
    ),
    "another one of the same id": (
        RegionFacts(v7(**LIVE), route("v7"), workflow=DONE, other="it differs in images"),
        S.OTHER,
        "release v7 is there already and is another one: it differs in images",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_stands(name: str) -> None:
    """The table; and whether it is current is what the route says."""
    facts, standing, why = TABLE[name]
    found = judge(facts)
    assert (found.standing, found.why) == (standing, why)
    assert found.current is (facts.target is not None and facts.route.current == "v7")


def test_only_releases_that_may_still_carry_users_count_as_newer() -> None:
    """Not those that failed, were deleted or rolled back from."""
    others = [
        release("v5"),
        V8,
        release("v9", created=NOW, phase=Phase.FAILED),
        release("va", created=NOW, phase=Phase.DELETED),
        release("vb", created=NOW, rejected=MARK),
    ]
    found = judge(RegionFacts(v7(**LIVE), route("v7"), [*others, v7(**LIVE)]))
    assert (found.there, found.newer) == (("v5", "v8"), frozenset({"v8"}))
    assert judge(RegionFacts(None, route(), others)) == Region(S.ABSENT, there=("v5", "v8"))


@pytest.mark.parametrize(
    ("view", "back", "why"),
    [
        (None, Return.NONE, ""),
        (WorkflowView([StepView("rollback", StepState.RUNNING)], Outcome.RUNNING, ""), Return.UNDER_WAY, "rollback"),
        (
            WorkflowView([StepView("rollback", StepState.FAILED, message="held")], Outcome.FAILED, ""),
            Return.FAILED,
            "rollback failed: held",
        ),
        (
            WorkflowView([StepView("rollback", StepState.DONE)], Outcome.FINISHED, ""),
            Return.FAILED,
            "it was done, and somebody has switched to it again since",
        ),
    ],
)
def test_its_way_back(view: WorkflowView | None, back: Return, why: str) -> None:
    """By the workflow of the rollback."""
    found = judge(RegionFacts(v7(**LIVE), route("v7"), back=view))
    assert (found.back, found.why_back) == (back, why)


def test_a_hold_is_known_before_anything_is_there() -> None:
    """Whoever is due waits for the operator."""
    assert judge(RegionFacts(None, route(), hold=MARK)).held == "the app is held by ann: errors"
