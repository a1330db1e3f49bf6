"""How far a release workflow has come, read from its status as Argo writes it.

Argo keeps a node for every template that it ran: a Retry node for a step with a retryStrategy, with a Pod node for each
try below it, and a Skipped node for one whose `when` was false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# The last step that has to succeed before the release carries the users' traffic.
LIVE_STEP = "switch"


class StepState(StrEnum):
    """The state of one step in a workflow."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class Outcome(StrEnum):
    """What became of the whole workflow, as far as it has come."""

    RUNNING = "running"
    LIVE = "live"  # users' traffic reaches the release; older releases still drain
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class StepView:
    """One step as a person sees it. `pod` is the pod of its last try."""

    name: str
    state: StepState = StepState.WAITING
    started: datetime | None = None
    finished: datetime | None = None
    message: str = ""
    tries: int = 0
    pod: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)

    def seconds(self, now: datetime) -> float | None:
        """How long it has run, or ran."""
        return None if self.started is None else ((self.finished or now) - self.started).total_seconds()


@dataclass(frozen=True)
class WorkflowView:
    """A workflow as a person sees it."""

    steps: Sequence[StepView]
    outcome: Outcome
    message: str

    @property
    def live(self) -> bool:
        """Whether the step that makes the release live has succeeded."""
        return any(step.name == LIVE_STEP and step.state is StepState.DONE for step in self.steps)


_STATES = {
    "Pending": StepState.WAITING,
    "Running": StepState.RUNNING,
    "Succeeded": StepState.DONE,
    "Skipped": StepState.SKIPPED,
    "Omitted": StepState.SKIPPED,
    "Failed": StepState.FAILED,
    "Error": StepState.FAILED,
}


def view_workflow(workflow: Mapping[str, Any], steps: Sequence[str]) -> WorkflowView:
    """What the workflow object says about the steps of these names, in this order."""
    status = workflow.get("status") or {}
    nodes = list((status.get("nodes") or {}).values())
    views = [_view(step, nodes, workflow["metadata"]["name"]) for step in steps]
    view = WorkflowView(views, Outcome.RUNNING, status.get("message") or "")
    return WorkflowView(views, _outcome(status.get("phase") or "", live=view.live), view.message)


def _outcome(phase: str, *, live: bool) -> Outcome:
    if phase in ("Failed", "Error"):
        return Outcome.FAILED
    if phase == "Succeeded":
        return Outcome.FINISHED
    return Outcome.LIVE if live else Outcome.RUNNING


def _view(step: str, nodes: Sequence[Mapping[str, Any]], workflow: str) -> StepView:
    named = [node for node in nodes if node.get("displayName") == step]
    if not named:
        return StepView(step)
    # Without a retryStrategy (or when skipped) there is no Retry node above the pod.
    node = next((n for n in named if n.get("type") != "Pod"), named[-1])
    tries = [n for n in nodes if n.get("type") == "Pod" and n.get("templateName") == step]
    tries.sort(key=lambda n: n.get("startedAt") or "")
    last = tries[-1] if tries else {}
    outputs = (node.get("outputs") or last.get("outputs") or {}).get("parameters") or []
    return StepView(
        name=step,
        state=_state(node, last),
        started=_time(node.get("startedAt")),
        finished=_time(node.get("finishedAt")),
        message=node.get("message") or last.get("message") or "",
        tries=len(tries),
        pod=pod_name(workflow, last) if last else None,
        outputs={o["name"]: o.get("value", "") for o in outputs},
    )


def _state(node: Mapping[str, Any], last: Mapping[str, Any]) -> StepState:
    state = _STATES.get(node.get("phase") or "Pending", StepState.WAITING)
    # A Retry node runs as soon as its first pod is asked for; for a person it waits until a pod runs.
    if state is StepState.RUNNING and last.get("phase") == "Pending":
        return StepState.WAITING
    return state


def pod_name(workflow: str, node: Mapping[str, Any]) -> str:
    """The pod of a Pod node (Argo's PodNameV2: workflow, template, and the hash at the end of the node's id)."""
    return f"{workflow}-{node['templateName']}-{node['id'].rsplit('-', 1)[-1]}"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
