"""Following a release workflow to its end, which does not depend on being followed."""

from __future__ import annotations

from enum import StrEnum

from rich.console import Console

from rainbow.adapters.kube import Kube
from rainbow.adapters.workflows import workflow_name
from rainbow.adapters.world import Clock
from rainbow.cli.ending import Target, result, success, users
from rainbow.cli.output import Form, emit
from rainbow.cli.screens import screen
from rainbow.cli.watching import Watched, explain, watch
from rainbow.decisions.workflow_view import REDEPLOY_STEPS, RELEASE_STEPS, Outcome, WorkflowView


class Until(StrEnum):
    """When following ends."""

    SUBMITTED = "submitted"
    LIVE = "live"
    DRAINED = "drained"


def follow_to_the_end(
    kube: Kube, target: Target, until: Until, form: Form = Form.TABLE, clock: Clock | None = None
) -> int:
    """Follow until the release is live (or all is drained), or has failed. Returns the exit code.

    Raises TemporaryError when the API server does not answer.
    """
    clock = clock or Clock()
    console = Console(stderr=form.for_programs)
    steps = RELEASE_STEPS if target.workflow == workflow_name(target.app, target.release) else REDEPLOY_STEPS
    watched = Watched(target.namespace, target.workflow, steps, target.come_back, target.approve)
    try:
        with screen(console, f"{target.app} {target.release}") as shown:
            view = watch(kube, watched, lambda view: until is Until.LIVE and view.live, shown, clock)
    except KeyboardInterrupt:
        console.print(
            f"\nNot following any more; the release goes on. To come back: {target.come_back}", soft_wrap=True
        )
        return 130
    if view.outcome is Outcome.FAILED:
        _explain(kube, target, watched, view, console)
    if form.for_programs:
        emit(form, result(kube, target, view))
    elif view.outcome is not Outcome.FAILED:
        console.print(success(kube, target, view), style="green", markup=False, highlight=False, soft_wrap=True)
    return 1 if view.outcome is Outcome.FAILED else 0


def _explain(kube: Kube, target: Target, watched: Watched, view: WorkflowView, console: Console) -> None:
    explain(kube, watched, view, console)
    console.print(users(kube, target, view), markup=False, soft_wrap=True)
    console.print(
        f"When the cause is gone, retry the workflow {target.workflow} (Argo UI: Retry), or make a new release.",
        markup=False,
        soft_wrap=True,
    )
