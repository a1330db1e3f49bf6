"""How a release stands in one of its clusters, by what was read there: its workflow, the route, the records.

The route is the truth about what is current; of failures the workflow knows, and of people's marks the record. They are
read in this order, workflow, route, records, so that nothing that is over by the first is not yet begun by the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rainbow.decisions import bake
from rainbow.decisions.overtaking import overtaken
from rainbow.decisions.sealing import was_live
from rainbow.decisions.switch import ALL
from rainbow.decisions.workflow_view import Outcome, StepState, WorkflowView
from rainbow.model.release import Mark, Phase, Release, ReleaseStatus, format_time
from rainbow.model.route import RouteState


class Standing(StrEnum):
    """How the release stands in a cluster."""

    ABSENT = "not begun"
    UNDER_WAY = "under way"
    BAKING = "baking"
    SETTLED = "settled"  # current, and baked where that is wanted
    FAILED = "failed"  # current or not
    ROLLED_BACK = "rolled back"
    OVERTAKEN = "overtaken"  # another one is current, by a newer release or a person
    OTHER = "another one"  # of the same id, but of something else
    UNKNOWN = "unknown"


BEGUN = frozenset(Standing) - {Standing.ABSENT, Standing.UNKNOWN}


class Return(StrEnum):
    """What became of the rollback that a failure elsewhere asked for."""

    NONE = "none"
    UNDER_WAY = "under way"
    FAILED = "failed"


@dataclass(frozen=True)
class Region:
    """A release in one cluster.

    `current`: the route leads to it. `there` are the releases of the app that are neither failed nor deleted nor rolled
    back from, and `newer` those of them that came after this one. `held`: an operator holds the app, and why. `silent`:
    for how long its standing has been unknown.
    """

    standing: Standing
    why: str = ""
    current: bool = False
    back: Return = Return.NONE
    why_back: str = ""
    held: str = ""
    there: tuple[str, ...] = ()
    newer: frozenset[str] = frozenset()
    silent: timedelta = timedelta()


@dataclass(frozen=True)
class RegionFacts:
    """What was read. `target` is under the policy in force; None: there is no record of the release.

    `workflow` is the one that releases it, and `back` the rollback that a failure elsewhere asked for; None: there is
    none (any more). `other`: in what its record differs from what is to be released.
    """

    target: Release | None
    route: RouteState
    releases: Sequence[Release] = ()
    workflow: WorkflowView | None = None
    back: WorkflowView | None = None
    hold: Mark | None = None
    other: str = ""


def judge(facts: RegionFacts) -> Region:
    """How it stands."""
    target, hold = facts.target, facts.hold
    standing, why = _standing(facts)
    back, why_back = _back(facts)
    counted = [r for r in facts.releases if _counts(r) and (target is None or r.id != target.id)]
    return Region(
        standing,
        why,
        current=target is not None and facts.route.current == target.id,
        back=back,
        why_back=why_back,
        held=f"the app is held by {hold.by}: {hold.reason or 'no reason given'}" if hold else "",
        there=tuple(r.id for r in counted),
        newer=frozenset(r.id for r in counted if target is not None and r.since > target.since),
    )


def _counts(release: Release) -> bool:
    gone = (Phase.FAILED, Phase.DELETED)
    return release.status.phase not in gone and release.status.rejected is None


def _standing(facts: RegionFacts) -> tuple[Standing, str]:
    target = facts.target
    if target is None:
        return Standing.ABSENT, ""
    if facts.other:
        return Standing.OTHER, f"release {target.id} is there already and is another one: {facts.other}"
    if facts.workflow is None and target.status == ReleaseStatus():
        return Standing.ABSENT, "its submission was broken off"
    if (mark := target.status.rejected) is not None:
        return Standing.ROLLED_BACK, f"rolled back from by {mark.by} at {format_time(mark.at)}: {mark.reason}"
    if facts.route.current == target.id:
        return _current(facts, target)
    return _once_live(facts, target) if was_live(target.status) else _never_live(facts, target)


def _current(facts: RegionFacts, target: Release) -> tuple[Standing, str]:
    status, route, view = target.status, facts.route, facts.workflow
    if status.phase is not Phase.CURRENT or status.traffic != ALL or not route.settled:
        if view is not None and view.outcome is Outcome.FAILED:
            return Standing.FAILED, f"the route was moved, but its workflow failed: {failure(view)}"
        return Standing.UNDER_WAY, doing(view)
    found = bake.standing(target, route, route.switched_at or status.live_at)
    if found is bake.Standing.NONE:
        return Standing.SETTLED, "current"
    if found is bake.Standing.BAKED:
        return Standing.SETTLED, "current, and baked"
    return _unbaked(view)


def _unbaked(view: WorkflowView | None) -> tuple[Standing, str]:
    state = next((step.state for step in view.steps if step.name == "bake"), None) if view is not None else None
    # A breach would have marked it as rejected: a bake that ends without is no failure, and no reason to switch (B1).
    if view is not None and view.over and state is StepState.FAILED:
        return Standing.UNKNOWN, f"it is current, but not known to be well: {failure(view)}"
    if view is not None and view.outcome is Outcome.FAILED:
        return Standing.FAILED, f"it is current, but its workflow failed before its bake: {failure(view)}"
    # Whether it is to bake was settled when it was submitted. Without a switch it is left out for another reason.
    if view is not None and view.live and state is StepState.SKIPPED:
        return Standing.SETTLED, "current, without a bake"
    if view is None or view.over or state is StepState.DONE:  # of an earlier time as the current one
        return Standing.UNKNOWN, "it is current, but no workflow is there that watches its bake"
    return Standing.BAKING, doing(view) or "bake"


def _once_live(facts: RegionFacts, target: Release) -> tuple[Standing, str]:
    status, route, view = target.status, facts.route, facts.workflow
    if status.phase is Phase.CURRENT and route.previous != target.id and view is not None and not view.over:
        return Standing.UNDER_WAY, "switch"  # after the route was read
    return Standing.OVERTAKEN, f"{route.current or 'no release'} is current there, and not {target.id} any more"


def _never_live(facts: RegionFacts, target: Release) -> tuple[Standing, str]:
    view, status = facts.workflow, target.status
    if view is not None and not view.over:
        return Standing.UNDER_WAY, doing(view)
    if (found := overtaken(target, facts.route, facts.releases)) is not None:
        return Standing.OVERTAKEN, found.reasons[0]
    if view is None:
        return Standing.FAILED, status.message or f"its workflow is gone, and its phase is {status.phase}"
    if view.outcome is Outcome.FAILED:
        return Standing.FAILED, failure(view)
    return Standing.FAILED, f"its workflow is done, but its phase is {status.phase}"


def _back(facts: RegionFacts) -> tuple[Return, str]:
    view = facts.back
    if view is None:
        return Return.NONE, ""
    if not view.over:
        return Return.UNDER_WAY, doing(view)
    if view.outcome is Outcome.FAILED:
        return Return.FAILED, failure(view)
    return Return.FAILED, "it was done, and somebody has switched to it again since"


def doing(view: WorkflowView | None) -> str:
    """Where a workflow is, in a few words."""
    if view is None:
        return ""
    if (gate := next((s for s in view.steps if s.gate), None)) is not None:
        return gate.message
    running = next((s for s in view.steps if s.state is StepState.RUNNING), None)
    if running is not None:
        return f"{running.name}: {running.message}" if running.again else running.name
    waiting = next((s for s in view.steps if s.state is StepState.WAITING), None)
    return "" if waiting is None else f"{waiting.name}: {waiting.message or 'waiting'}"


def failure(view: WorkflowView | None) -> str:
    """What failed in a workflow, in a line."""
    if view is None:
        return ""
    failed = [f"{s.name} failed: {s.message}" for s in view.steps if s.state is StepState.FAILED]
    # A reason is one line of a table, of a record and of a log.
    return " ".join("; ".join(failed or [view.message]).split()) or "no reason given"
