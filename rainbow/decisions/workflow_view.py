"""How far a release workflow has come, read from its status as Argo writes it.

Argo keeps a node for every template that it ran: a Retry node for a step with a retryStrategy, with a Pod node for each
try below it, and a Skipped node for one whose `when` was false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

# The last step that has to succeed before the release carries the users' traffic.
LIVE_STEP = "switch"
# What people are shown of the workflow of a release, in its order; workflows/release.py is its other side.
RELEASE_STEPS = (
    *("lint", "build", "make-room", "expand", "roll", "deploy", "run-tests", "check-compatibility", "undo"),
    *("approval", "switch", "bake", "backfill", "wait-for-drain", "delete", "contract"),
)
REDEPLOY_STEPS = ("redeploy", *RELEASE_STEPS)


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
    exit_code: int | None = None  # of the last try
    gate: bool = False  # it waits for the answer of a person
    again: bool = False  # its last try failed for now, and there will be another one: `message` says when

    @property
    def begun(self) -> bool:
        """Whether any line of it may have run."""
        return self.state is not StepState.SKIPPED and (self.started is not None or self.tries > 0)

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

    @property
    def over(self) -> bool:
        """Whether the workflow has ended, one way or the other."""
        return self.outcome in (Outcome.FINISHED, Outcome.FAILED)


# Argo's words on a Retry node between two tries: "Backoff for 5s", "Backoff for 1 minutes 20 seconds" (operator.go).
_BACKOFF = re.compile(r"(\d+) ?(s|m|h)")
# Its words on a container that failed go before what that has left as its termination message (operator.go).
_ENDED = re.compile(r"^main: Error \(exit code \d+\): ")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
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
    # A group of steps that waits for its lock has a node; its steps have none yet. The first of them is what waits.
    lock = next((node["message"] for node in nodes if _waits_for_lock(node)), "")
    first = next((i for i, view in enumerate(views) if view == StepView(view.name)), None)
    if lock and first is not None:
        views[first] = replace(views[first], message=lock)
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
    # A step that stands in two ways through the workflow was skipped in the other one.
    named = [n for n in named if n.get("type") != "Skipped"] or named
    # A gate has a group of the same name around it.
    named.sort(key=lambda n: n.get("type") != "Suspend")
    node = next((n for n in named if n.get("type") != "Pod"), named[-1])
    tries = [n for n in nodes if n.get("type") == "Pod" and n.get("templateName") == step]
    tries.sort(key=lambda n: n.get("startedAt") or "")
    last = tries[-1] if tries else {}
    gate = node.get("type") == "Suspend" and node.get("phase") == "Running"
    failed = _state(node, last) is StepState.FAILED
    # Of a failure Argo says above its tries only that there will be no other one.
    said = [_words(last), _words(node)] if failed else [_words(node), _words(last)]
    message = next(filter(None, said), "waiting for a person" if gate else "")
    outputs = (node.get("outputs") or last.get("outputs") or {}).get("parameters") or []
    code = (last.get("outputs") or {}).get("exitCode")
    again = node is not last and node.get("phase") == "Running" and last.get("phase") in ("Failed", "Error")
    return StepView(
        again=again,
        name=step,
        state=_state(node, last),
        started=_time(node.get("startedAt")),
        finished=_time(node.get("finishedAt")),
        message=_again(node, last) if again else message,
        tries=len(tries),
        pod=pod_name(workflow, last) if last else None,
        outputs={o["name"]: o.get("value", "") for o in outputs},
        gate=gate,
        exit_code=int(code) if code else None,
    )


def _again(node: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    wait = sum((int(n) * _UNITS[unit] for n, unit in _BACKOFF.findall(node.get("message") or "")), timedelta())
    finished = _time(last.get("finishedAt"))
    at = f" at {finished + wait:%H:%M:%S}" if finished and wait else ""
    return f"failed for now ({_words(last) or last['phase']}), will be tried again{at}"


def _words(node: Mapping[str, Any]) -> str:
    """Why, in the words of the step itself where it left any."""
    return _ENDED.sub("", node.get("message") or "")


def _waits_for_lock(node: Mapping[str, Any]) -> bool:
    return bool(node.get("message")) and node["message"].startswith("Waiting for ") and node.get("type") != "Pod"


def _state(node: Mapping[str, Any], last: Mapping[str, Any]) -> StepState:
    if node.get("type") == "Suspend" and node.get("phase") == "Running":
        return StepState.WAITING
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
