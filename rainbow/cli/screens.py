"""Where following shows itself: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from rainbow.decisions.workflow_view import StepState, StepView, WorkflowView

_COLOURS = {
    StepState.WAITING: "dim",
    StepState.RUNNING: "yellow",
    StepState.DONE: "green",
    StepState.SKIPPED: "dim",
    StepState.FAILED: "bold red",
}


class Screen(Protocol):
    """Where the state of the workflow is shown."""

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        """Show it; `doing` is the last line that the running step has printed, or what is waited for."""

    def say(self, text: str, now: datetime) -> None:
        """A line about the following itself."""


def screen(console: Console, title: str) -> AbstractContextManager[Screen]:
    """The one that fits the console."""
    return _terminal(console, title) if console.is_terminal else _lines(console)


@contextmanager
def _terminal(console: Console, title: str) -> Iterator[Screen]:
    with Live(console=console, auto_refresh=False) as live:
        yield _Terminal(live, title)


@dataclass
class _Terminal:
    live: Live
    title: str

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        table = Table(title=self.title, title_justify="left", box=None, expand=True)
        for heading, options in (("step", {"width": 15}), ("state", {"width": 8}), ("time", {"width": 7})):
            table.add_column(heading, **options)  # type: ignore[arg-type]
        table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
        for step in view.steps:
            busy = step.state is StepState.RUNNING or step.gate
            text = doing.splitlines()[-1] if busy and doing else step.message
            table.add_row(step.name, f"[{_COLOURS[step.state]}]{step.state}[/]", duration(step, now), escape(text))
        self.live.update(table, refresh=True)

    def say(self, text: str, now: datetime) -> None:
        self.live.console.print(f"{now:%H:%M:%S}  {text}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _lines(console: Console) -> Iterator[Screen]:
    yield _Lines(console)


@dataclass
class _Lines:
    console: Console
    seen: dict[str, str] = field(default_factory=dict)

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        for step in view.steps:
            self._changed(step.name, step, step.state.value if step.state is not StepState.WAITING else "", now)
        at = next((s for s in view.steps if s.state is StepState.RUNNING), None)
        at = at or next((s for s in view.steps if s.state is StepState.WAITING and s.message), None)
        if at and doing:
            self._changed("doing", at, doing, now)

    def say(self, text: str, now: datetime) -> None:
        self.console.print(f"{now:%H:%M:%S}  {text}", markup=False, highlight=False, soft_wrap=True)

    def _changed(self, key: str, step: StepView, text: str, now: datetime) -> None:
        if text and self.seen.get(key) != text:
            self.seen[key] = text
            self.say(f"{step.name:<15} {text}  {duration(step, now)}".rstrip(), now)


def duration(step: StepView, now: datetime) -> str:
    """How long the step has run: "1m05s"."""
    seconds = step.seconds(now)
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
