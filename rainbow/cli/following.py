"""Following a release workflow to its end, which does not depend on being followed."""

from __future__ import annotations

import json
import re
from enum import StrEnum

import click
from rich.console import Console

from rainbow.adapters.kube import Kube
from rainbow.adapters.workflows import read_workflow, workflow_name
from rainbow.adapters.world import Clock
from rainbow.cli.ending import Target, result, success, users
from rainbow.cli.screens import Screen, screen
from rainbow.decisions.workflow_view import Outcome, StepState, StepView, WorkflowView, view_workflow
from rainbow.errors import RainbowError, TemporaryError
from steps import STEPS

# What Argo's executor prints around the lines of a step.
_EXECUTOR = re.compile(r"argo=true( error=.*)?$|^Error: exit status \d+$")
INTERVAL = 1.0  # seconds between two looks
PATIENCE = 300.0  # seconds without an answer of the API server


class Until(StrEnum):
    """When following ends."""

    SUBMITTED = "submitted"
    LIVE = "live"
    DRAINED = "drained"


def follow_to_the_end(kube: Kube, target: Target, until: Until, *, as_json: bool, clock: Clock | None = None) -> int:
    """Follow until the release is live (or all is drained), or has failed. Returns the exit code.

    Raises TemporaryError when the API server does not answer.
    """
    clock = clock or Clock()
    console = Console(stderr=as_json)
    try:
        with screen(console, f"{target.app} {target.release}") as shown:
            view = _watch(kube, target, until, shown, clock)
    except KeyboardInterrupt:
        console.print(
            f"\nNot following any more; the release goes on. To come back: {target.come_back}", soft_wrap=True
        )
        return 130
    if view.outcome is Outcome.FAILED:
        _explain(kube, target, view, console)
    if as_json:
        click.echo(json.dumps(result(kube, target, view), indent=2))
    elif view.outcome is not Outcome.FAILED:
        console.print(success(kube, target, view), style="green", markup=False, highlight=False, soft_wrap=True)
    return 1 if view.outcome is Outcome.FAILED else 0


def _watch(kube: Kube, target: Target, until: Until, shown: Screen, clock: Clock) -> WorkflowView:
    answered: float | None = None  # when the API server last did
    away = False
    while True:
        try:
            view = view_workflow(read_workflow(kube, target.namespace, target.app, target.release), list(STEPS))
        except TemporaryError as error:
            # It may be away for a while; the workflow does not depend on us. But an address may also be wrong.
            if answered is None or clock.monotonic() - answered > PATIENCE:
                raise TemporaryError(
                    f"{error}. The release goes on without being followed: {target.come_back}"
                ) from error
            if not away:
                shown.say(f"the API server does not answer, trying again: {error}", clock.now())
            away = True
        else:
            if away:
                shown.say("the API server answers again", clock.now())
            answered, away = clock.monotonic(), False
            shown.show(view, _doing(kube, target, view), clock.now())
            if view.outcome in (Outcome.FAILED, Outcome.FINISHED):
                return view
            if view.outcome is Outcome.LIVE and until is Until.LIVE:
                return view
        clock.sleep(INTERVAL)


def _doing(kube: Kube, target: Target, view: WorkflowView) -> str:
    running = next((s for s in view.steps if s.state is StepState.RUNNING and s.pod), None)
    if running is None:
        return next((s.message for s in view.steps if s.state is StepState.WAITING and s.message), "")
    said = _tail(kube, target, running, 1)
    return f"{running.message}: {said}".removesuffix(": ") if running.again else said


def _tail(kube: Kube, target: Target, step: StepView, lines: int) -> str:
    """The last lines that the step has printed; what Argo's executor prints around them tells nobody anything."""
    try:
        log = kube.pod_log(target.namespace, step.pod or "", "main", tail=lines + 5)
        return "\n".join([line for line in log.splitlines() if not _EXECUTOR.search(line)][-lines:])
    except RainbowError:
        return ""  # the pod is gone, or not there yet, or just ending: there is nothing to show


def _explain(kube: Kube, target: Target, view: WorkflowView, console: Console) -> None:
    for step in view.steps:
        if step.state is StepState.FAILED:
            console.print(f"{step.name} failed: {step.message}", style="red", markup=False, soft_wrap=True)
            if log := _tail(kube, target, step, 30):
                console.print(log, markup=False, highlight=False, soft_wrap=True)
    if view.message:
        console.print(view.message, markup=False, soft_wrap=True)
    name = workflow_name(target.app, target.release)
    console.print(users(kube, target, view), markup=False, soft_wrap=True)
    console.print(
        f"When the cause is gone, retry the workflow {name} (Argo UI: Retry), or make a new release.",
        markup=False,
        soft_wrap=True,
    )
