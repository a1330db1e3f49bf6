"""How every verb of an operator runs its step: in this process, or as the workflow of that name, which is followed.

The step is the same in both, and so are its exit codes. In this process nothing has to be scheduled first, which counts
in an emergency; the workflow goes on when this process ends, and is there to be looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import click

from rainbow.adapters.kube import Forbidden, Kube, connect
from rainbow.adapters.person import who_asks
from rainbow.adapters.submission import installed
from rainbow.adapters.workflows import workflow_object
from rainbow.adapters.world import Clock
from rainbow.cli import names
from rainbow.cli.step import checked, run_here
from rainbow.cli.watching import Watched, tail, watch
from rainbow.decisions.workflow_view import Outcome, StepState, StepView, WorkflowView
from rainbow.errors import BadInput, TemporaryError
from steps import load
from steps.shape import inputs

LONGEST_NAME = 63  # of a Workflow: its name is the value of a label of its pods


def operate(
    step: str,
    values: Mapping[str, Any],
    *,
    now: bool,
    dry_run: bool,
    namespace: str,
    app: str,
    context: str | None,
    follow: bool = True,
) -> int:
    """Run the step with these values of its Params, beside namespace and app (empty for one that is about many).

    Returns the exit code.

    `now` and `dry_run` run it in this process; else its workflow is submitted, and followed unless `follow` is False.
    Raises BadInput for bad values before anything is done, and what the step raises in this process.
    """
    given = {key: value for key, value in values.items() if value not in (None, "", (), False)}
    given |= {"namespace": namespace} | ({"app": app} if app else {})
    checked(step, given)
    if dry_run:
        given["dry_run"] = "true"
    kube = connect(context=context)
    # In a pod the step would be known as its ServiceAccount.
    if "by" in load(step).Params.model_fields and not given.get("by"):
        given["by"] = who_asks(kube)
    if now or dry_run:
        run_here(step, given, context)
        return 0
    name = _submit(kube, step, given)
    come_back = f"kubectl logs -f -n {namespace} -l workflows.argoproj.io/workflow={name}"
    if not follow:
        click.echo(f"submitted workflow {name}; its lines: {come_back}")
        return 0
    return _follow(kube, Watched(namespace, name, (step,), come_back))


def _submit(kube: Kube, step: str, given: Mapping[str, Any]) -> str:
    namespace, app = given["namespace"], given.get("app", "")
    taken = inputs(load(step))
    if here_only := sorted(set(given) - set(taken) - {"namespace"}):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in here_only)
        raise BadInput(f"{flags}: the workflow {step} has no such parameter; it is for --now only")
    instance = installed(kube, namespace, step)
    _there(kube, namespace, app, given.get("release"))
    name = f"{step}-{app}".strip("-")[: LONGEST_NAME - 7] + f"-{secrets.token_hex(3)}"
    arguments = {key.replace("_", "-"): _text(value) for key, value in given.items() if key != "namespace"}
    release = given.get("release", "")
    kube.create(workflow_object(step, namespace, app, release, arguments, name=name, instance=instance))
    return name


def _there(kube: Kube, namespace: str, app: str, release: str | None) -> None:
    """Raises BadInput where the step would, a minute later; who cannot read the records hears it from the step."""
    if not app:
        return
    with suppress(Forbidden, TemporaryError):
        there = names.known_releases(replace(kube, attempts=1), namespace, app)
        if not there:
            raise BadInput(names.no_app(kube, namespace, app))
        if release and release not in there:
            raise BadInput(
                f"no release {release} of app {app} in namespace {namespace}; there are: {', '.join(sorted(there))}"
            )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Lines:
    """The screen of an operation: the lines of its step, each once, and what is waited for."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.kube, self.namespace = kube, namespace
        self.pod: str | None = None
        self.printed = 0
        self.waited = ""

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        """Print what is new."""
        (step,) = view.steps
        if step.pod is None or step.state is StepState.WAITING:
            if doing and doing != self.waited:
                self.say(f"waiting: {doing}", now)
            self.waited = doing
            return
        if step.pod != self.pod:
            self.pod, self.printed = step.pod, 0
        lines = tail(self.kube, self.namespace, step, None).splitlines()
        for line in lines[self.printed :]:
            click.echo(line)
        self.printed = max(self.printed, len(lines))

    def say(self, text: str, now: datetime) -> None:
        """A line about the following itself."""
        click.echo(f"{now:%H:%M:%S}  {text}", err=True)


def _follow(kube: Kube, watched: Watched) -> int:
    clock = Clock()
    lines = _Lines(kube, watched.namespace)
    try:
        view = watch(kube, watched, lambda _: False, lines, clock)
    except KeyboardInterrupt:
        click.echo(f"\nNot following any more; the workflow goes on: {watched.come_back}", err=True)
        return 130
    lines.show(view, "", clock.now())
    if view.outcome is not Outcome.FAILED:
        return 0
    (step,) = view.steps
    click.echo(f"error: workflow {watched.workflow} failed: {step.message or view.message}", err=True)
    return _exit_code(step)


def _exit_code(step: StepView) -> int:
    """The step's own; whatever else ended it (killed, never started) is a failure."""
    return step.exit_code if step.exit_code in (1, 2, 75) else 1
