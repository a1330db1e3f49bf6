"""The gate in the workflow of a release at which a person decides, answered through the Kubernetes API alone.

What is written is what Argo's own `resume` with an output parameter writes (argo-workflows, workflow/util,
updateSuspendedNode).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rainbow.adapters.kube import WORKFLOW, Kube, Object
from rainbow.errors import BadInput, Conflict, RainbowError, TemporaryError
from rainbow.model.names import release_selector
from rainbow.model.release import format_time

GATE = "approval"  # the template, and the node
CHOICE = "approved"  # its output
YES, NO = "yes", "no"
ATTEMPTS = 5  # times that the controller may write between reading and answering


@dataclass(frozen=True)
class Answer:
    """What a person says, when, and with which words beside it."""

    choice: str
    message: str
    at: datetime


def answer_gate(kube: Kube, namespace: str, app: str, release: str, answer: Answer) -> str:
    """Answer, and return the workflow's name. Raises BadInput when no workflow of the release waits for an answer."""
    for _ in range(ATTEMPTS):
        workflow, node = _waiting(kube, namespace, app, release)
        answered = {
            "phase": "Succeeded",
            "finishedAt": format_time(answer.at),
            "message": answer.message,
            "outputs": {"parameters": [{"name": CHOICE, "value": answer.choice}]},
        }
        meta = workflow["metadata"]
        patch = {
            "metadata": {"resourceVersion": meta["resourceVersion"]},
            "status": {"nodes": {node: answered}},
        }
        try:
            kube.patch(WORKFLOW, namespace, meta["name"], patch)
        except Conflict:
            continue
        name: str = meta["name"]
        return name
    raise TemporaryError(f"the workflow of release {release} of app {app} is being written by others all the time")


def waits_at_gate(kube: Kube, namespace: str, app: str, release: str) -> bool | None:
    """Whether a workflow of the release waits for an answer; None when that cannot be known."""
    try:
        workflows = kube.list(WORKFLOW, namespace, labels=release_selector(app, release))
    except RainbowError:
        return None
    return any(_gates(workflows))


def _waiting(kube: Kube, namespace: str, app: str, release: str) -> tuple[Object, str]:
    workflows = kube.list(WORKFLOW, namespace, labels=release_selector(app, release))
    for waiting in _gates(workflows):
        return waiting
    what = f"no workflow of release {release} of app {app} in namespace {namespace} waits for approval"
    if answer := _answer(workflows):
        raise BadInput(f"{what}: {answer}")
    if not workflows:
        raise BadInput(f"{what}: there is none of that release; is the name right?")
    raise BadInput(f"{what} (yet); follow it: rainbow follow -n {namespace} {app} {release}")


def _gates(workflows: list[Object]) -> Iterator[tuple[Object, str]]:
    """Those at which somebody is waited for."""
    for workflow in workflows:
        for id_, node in _nodes(workflow).items():
            if node.get("templateName") == GATE and node.get("type") == "Suspend" and node.get("phase") == "Running":
                yield workflow, id_


def _answer(workflows: list[Object]) -> str:
    """What was answered before, so that a second person, or a second try, is told."""
    for node in (node for workflow in workflows for node in _nodes(workflow).values()):
        if node.get("templateName") == GATE and node.get("phase") == "Succeeded":
            given = {p["name"]: p.get("value") for p in (node.get("outputs") or {}).get("parameters") or []}
            said = f"it was answered with {given.get(CHOICE)} at {node.get('finishedAt')}"
            return f"{said}: {node['message']}" if node.get("message") else said
    return ""


def _nodes(workflow: Object) -> dict[str, Any]:
    return (workflow.get("status") or {}).get("nodes") or {}
