"""Watching any workflow until its end, or until enough of it is done; what fails on the way is shown with its log."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from rainbow.adapters.kube import Kube
from rainbow.adapters.workflows import read_workflow
from rainbow.adapters.world import Clock
from rainbow.cli.screens import Screen
from rainbow.decisions.workflow_view import StepState, StepView, WorkflowView, view_workflow
from rainbow.errors import RainbowError, TemporaryError

# What Argo's executor prints around the lines of a step.
_EXECUTOR = re.compile(r"argo=true( error=.*)?$|^Error: exit status \d+$")
INTERVAL = 1.0  # seconds between two looks
PATIENCE = 300.0  # seconds without an answer of the API server


@dataclass(frozen=True)
class Watched:
    """A workflow, the steps of it that people are shown, and the command that comes back to it."""

    namespace: str
    workflow: str
    steps: Sequence[str]
    come_back: str
    approve: str = ""  # the command that answers, where one of the steps waits for approval


def watch(
    kube: Kube, watched: Watched, enough: Callable[[WorkflowView], bool], shown: Screen, clock: Clock
) -> WorkflowView:
    """Look at it again and again until enough of it is done. Raises TemporaryError when nobody answers for long."""
    answered: float | None = None  # when the API server last did
    away = False
    while True:
        try:
            view = view_workflow(read_workflow(kube, watched.namespace, watched.workflow), watched.steps)
        except TemporaryError as error:
            # It may be away for a while; the workflow does not depend on us. But an address may also be wrong.
            if answered is None or clock.monotonic() - answered > PATIENCE:
                raise type(error)(
                    f"{error}. The workflow goes on without being followed: {watched.come_back}"
                ) from error
            if not away:
                shown.say(f"the API server does not answer, trying again: {error}", clock.now())
            away = True
        else:
            if away:
                shown.say("the API server answers again", clock.now())
            answered, away = clock.monotonic(), False
            shown.show(view, _doing(kube, watched, view), clock.now())
            if view.over or enough(view):
                return view
        clock.sleep(INTERVAL)


def explain(kube: Kube, watched: Watched, view: WorkflowView, console: Console) -> None:
    """What failed, with the last lines that it printed."""
    for step in view.steps:
        if step.state is StepState.FAILED:
            console.print(f"{step.name} failed: {step.message}", style="red", markup=False, soft_wrap=True)
            if log := tail(kube, watched.namespace, step, 30):
                console.print(log, markup=False, highlight=False, soft_wrap=True)
    if view.message:
        console.print(view.message, markup=False, soft_wrap=True)


def tail(kube: Kube, namespace: str, step: StepView, lines: int | None) -> str:
    """The last lines that the step has printed; what Argo's executor prints around them tells nobody anything."""
    try:
        log = kube.pod_log(namespace, step.pod or "", "main", tail=None if lines is None else lines + 5)
    except RainbowError:
        return ""  # the pod is gone, or not there yet, or just ending: there is nothing to show
    return "\n".join([line for line in log.splitlines() if not _EXECUTOR.search(line)][-(lines or 0) :])


def _doing(kube: Kube, watched: Watched, view: WorkflowView) -> str:
    if any(step.gate for step in view.steps):
        return f"waiting for approval: {watched.approve}"
    running = next((s for s in view.steps if s.state is StepState.RUNNING and s.pod), None)
    if running is None:
        return next((s.message for s in view.steps if s.state is StepState.WAITING and s.message), "")
    said = tail(kube, watched.namespace, running, 1)
    return f"{running.message}: {said}".removesuffix(": ") if running.again else said
