"""Following a release workflow: a live table on a terminal, a line for each change elsewhere, JSON for programs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from rainbow.adapters.kube import Kube
from rainbow.adapters.records import read_release
from rainbow.adapters.workflows import read_workflow, workflow_name
from rainbow.adapters.world import Clock
from rainbow.decisions.workflow_view import Outcome, StepState, StepView, WorkflowView, view_workflow
from rainbow.errors import RainbowError, TemporaryError
from rainbow.model.release import format_time
from steps import STEPS

_EXECUTOR = ('argo=true', 'argo=true error="<nil>"')
INTERVAL = 1.0  # seconds between two looks
_COLOURS = {
    StepState.WAITING: "dim",
    StepState.RUNNING: "yellow",
    StepState.DONE: "green",
    StepState.SKIPPED: "dim",
    StepState.FAILED: "bold red",
}


class Until(StrEnum):
    """When following ends."""

    SUBMITTED = "submitted"
    LIVE = "live"
    DRAINED = "drained"


@dataclass(frozen=True)
class Target:
    """The release that is followed."""

    namespace: str
    app: str
    release: str

    @property
    def come_back(self) -> str:
        """The command that follows it again."""
        return shlex.join(["rainbow", "follow", "--namespace", self.namespace, self.app, self.release])


class Screen(Protocol):
    """Where the state of the workflow is shown."""

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        """Show it; `doing` is the last line that the running step has printed."""


def follow_to_the_end(kube: Kube, target: Target, until: Until, *, as_json: bool, clock: Clock | None = None) -> int:
    """Follow until the release is live (or all is drained), or has failed. Returns the exit code."""
    clock = clock or Clock()
    console = Console(stderr=as_json)
    try:
        with _screen(console, target) as screen:
            view = _watch(kube, target, until, screen, clock)
    except KeyboardInterrupt:
        console.print(
            f"\nNot following any more; the release goes on. To come back: {target.come_back}", soft_wrap=True
        )
        return 130
    if view.outcome is Outcome.FAILED:
        _explain(kube, target, view, console)
    if as_json:
        click.echo(json.dumps(_result(kube, target, view), indent=2))
    elif view.outcome is not Outcome.FAILED:
        console.print(_success(target, view), soft_wrap=True)
    return 1 if view.outcome is Outcome.FAILED else 0


def _watch(kube: Kube, target: Target, until: Until, screen: Screen, clock: Clock) -> WorkflowView:
    while True:
        try:
            view = view_workflow(read_workflow(kube, target.namespace, target.app, target.release), list(STEPS))
            screen.show(view, _doing(kube, target, view), clock.now())
        except TemporaryError as error:
            # The API server may be away for a while; the workflow does not depend on us.
            screen.show(WorkflowView([], Outcome.RUNNING, ""), str(error), clock.now())
        else:
            if view.outcome in (Outcome.FAILED, Outcome.FINISHED):
                return view
            if view.outcome is Outcome.LIVE and until is Until.LIVE:
                return view
        clock.sleep(INTERVAL)


def _doing(kube: Kube, target: Target, view: WorkflowView) -> str:
    running = next((s for s in view.steps if s.state is StepState.RUNNING and s.pod), None)
    if running is None:
        return next((s.message for s in view.steps if s.state is StepState.WAITING and s.message), "")
    return _tail(kube, target, running, 1)


def _tail(kube: Kube, target: Target, step: StepView, lines: int) -> str:
    """The last lines that the step has printed; what Argo's executor prints around them tells nobody anything."""
    try:
        log = kube.pod_log(target.namespace, step.pod or "", "main", tail=lines + 5)
        return "\n".join([line for line in log.splitlines() if not line.endswith(_EXECUTOR)][-lines:])
    except RainbowError:
        return ""  # the pod is gone, or not there yet, or just ending: there is nothing to show


def _explain(kube: Kube, target: Target, view: WorkflowView, console: Console) -> None:
    for step in view.steps:
        if step.state is StepState.FAILED:
            console.print(f"[bold red]{step.name} failed[/]: {step.message}", soft_wrap=True)
            if log := _tail(kube, target, step, 30):
                console.print(log, markup=False, highlight=False, soft_wrap=True)
    if view.message:
        console.print(view.message, markup=False, soft_wrap=True)
    name = workflow_name(target.app, target.release)
    users = "The release is live; what failed came after." if view.live else "Users are untouched."
    console.print(
        f"{users} When the cause is gone, retry the workflow {name} (Argo UI: Retry), or make a new release.",
        soft_wrap=True,
    )


def _success(target: Target, view: WorkflowView) -> str:
    if view.outcome is Outcome.FINISHED:
        return f"[green]{target.app} {target.release} is live, and the older releases are gone.[/]"
    return (
        f"[green]{target.app} {target.release} is live.[/] Older releases stay until their work is done: "
        f"{target.come_back} --wait drained"
    )


def _result(kube: Kube, target: Target, view: WorkflowView) -> dict[str, object]:
    status = read_release(kube, target.namespace, target.app, target.release).status
    return {
        "namespace": target.namespace,
        "app": target.app,
        "release": target.release,
        "workflow": workflow_name(target.app, target.release),
        "outcome": view.outcome.value,
        "message": view.message,
        "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
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


def _screen(console: Console, target: Target) -> AbstractContextManager[Screen]:
    return _terminal(console, target) if console.is_terminal else _lines(console)


@contextmanager
def _terminal(console: Console, target: Target) -> Iterator[Screen]:
    with Live(console=console, auto_refresh=False) as live:
        yield _Terminal(live, target)


@dataclass
class _Terminal:
    live: Live
    target: Target

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        table = Table(title=f"{self.target.app} {self.target.release}", title_justify="left", box=None, expand=True)
        for heading, options in (("step", {"width": 15}), ("state", {"width": 8}), ("time", {"width": 7})):
            table.add_column(heading, **options)  # type: ignore[arg-type]
        table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
        for step in view.steps:
            busy = step.state is StepState.RUNNING
            text = doing.splitlines()[-1] if busy and doing else step.message
            table.add_row(step.name, f"[{_COLOURS[step.state]}]{step.state}[/]", _time(step, now), text)
        self.live.update(table, refresh=True)


@contextmanager
def _lines(console: Console) -> Iterator[Screen]:
    yield _Lines(console, {})


@dataclass
class _Lines:
    console: Console
    seen: dict[str, str]

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        for step in view.steps:
            self._changed(step.name, step, step.state.value if step.state is not StepState.WAITING else "", now)
        busy = next((s for s in view.steps if s.state is StepState.RUNNING), None)
        if busy and doing:
            self._changed("doing", busy, doing, now)

    def _changed(self, key: str, step: StepView, text: str, now: datetime) -> None:
        if text and self.seen.get(key) != text:
            self.seen[key] = text
            line = f"{now:%H:%M:%S}  {step.name:<15} {text}  {_time(step, now)}".rstrip()
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _time(step: StepView, now: datetime) -> str:
    seconds = step.seconds(now)
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
