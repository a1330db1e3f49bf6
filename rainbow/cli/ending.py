"""What is said when following ends: what failed and where users are now, or what became of the older releases."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from rainbow.adapters.kube import Kube
from rainbow.adapters.records import list_records, list_releases, read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.workflows import workflow_name
from rainbow.decisions.workflow_view import LIVE_STEP, Outcome, StepState, WorkflowView
from rainbow.errors import RainbowError
from rainbow.model.release import Phase, Release, format_time


@dataclass(frozen=True)
class Target:
    """The release that is followed."""

    namespace: str
    app: str
    release: str
    begun_as: str | None = None  # the workflow, when it is not the release's first one

    @property
    def workflow(self) -> str:
        """The name of the workflow that is followed."""
        return self.begun_as or workflow_name(self.app, self.release)

    @property
    def come_back(self) -> str:
        """The command that follows it again."""
        return shlex.join(["rainbow", "follow", "--namespace", self.namespace, self.app, self.release])

    @property
    def approve(self) -> str:
        """The command that lets it go live, where that is asked for."""
        return shlex.join(["rainbow", "approve", "--namespace", self.namespace, self.app, self.release])


def users(kube: Kube, target: Target, view: WorkflowView) -> str:
    """Where users are after a failure. Only a `switch` that never began has moved nobody for sure."""
    baking = any(step.name == "bake" and step.state is StepState.FAILED for step in view.steps)
    if view.live and not baking:  # a bake that fails may have switched back
        return "The release is live; what failed came after."
    if not any(step.name == LIVE_STEP and step.begun for step in view.steps):
        return "Users are untouched."
    try:
        release = read_release(kube, target.namespace, target.app, target.release)
        route = read_route(kube, release.spec.app)
    except RainbowError as error:
        return f"Where the route leads users now is unknown: {error}. Look at it before anything else."
    if route.current != target.release:
        return f"The route leads to {route.current or 'no release'}, not to {target.release}."
    if route.previous is None:
        return f"The route was moved: users are on {target.release}, and there was no release before."
    back = ["rainbow", "rollback", "--namespace", target.namespace, target.app, route.previous]
    return f"The route was moved: users are on {target.release}. To go back to {route.previous}: {shlex.join(back)}"


def success(kube: Kube, target: Target, view: WorkflowView) -> str:
    """For people, of a release that did not fail."""
    name = f"{target.app} {target.release}"
    if view.outcome is not Outcome.FINISHED:
        return f"{name} is live. Older releases stay until their work is done: {target.come_back} --wait drained"
    try:
        releases, unreadable = list_records(kube, target.namespace, target.app)
    except RainbowError as error:
        return f"{name}: the workflow is done. What became of older releases is unknown: {error}"
    kept = [f"Kept, as its record cannot be read: {', '.join(r.release for r in unreadable)}."] if unreadable else []
    return " ".join(
        [f"{name}: {_now(releases, target)}", *(_older(releases, target) + kept or ["There are no older releases."])]
    )


def _now(releases: list[Release], target: Target) -> str:
    phase = next((r.status.phase for r in releases if r.id == target.release), None)
    return "live." if phase is Phase.CURRENT else f"the workflow is done; it is {phase or 'without a record'} now."


def _older(releases: list[Release], target: Target) -> list[str]:
    ids = [release.id for release in releases]
    older = releases[: ids.index(target.release)] if target.release in ids else releases
    deleted = [r.id for r in older if r.status.phase is Phase.DELETED]
    kept = [f"{r.id} ({r.status.phase}: {r.status.blocker or 'no reason noted'})" for r in older if r.id not in deleted]
    said = [f"Deleted: {', '.join(deleted)}."] if deleted else []
    said += [f"Kept: {'; '.join(kept)}."] if kept else []
    return said


def result(kube: Kube, target: Target, view: WorkflowView) -> dict[str, object]:
    """For programs."""
    status = read_release(kube, target.namespace, target.app, target.release).status
    releases = list_releases(kube, target.namespace, target.app)
    return {
        "namespace": target.namespace,
        "app": target.app,
        "release": target.release,
        "workflow": target.workflow,
        "outcome": view.outcome.value,
        "message": view.message,
        "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        "others": [
            {"release": r.id, "phase": r.status.phase.value, "blocker": r.status.blocker}
            for r in releases
            if r.id != target.release
        ],
        "steps": [
            {
                "name": step.name,
                "state": step.state.value,
                "startedAt": format_time(step.started) if step.started else None,
                "finishedAt": format_time(step.finished) if step.finished else None,
                "tries": step.tries,
                "message": step.message,
                "outputs": dict(step.outputs),
            }
            for step in view.steps
        ],
    }
