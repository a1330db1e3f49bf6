"""Tells a person what is being done, how far it is and how long it took.

On a terminal: bars that live below the finished lines. Elsewhere (CI, a file): plain lines, and for a long task one
more line at each tenth of it, so that nobody wonders whether it hangs.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Task:
    """Something under way. `advance` and `total` may be called from any thread."""

    def __init__(self, report: Report, title: str) -> None:
        self._report = report
        self.title = title
        self.done = 0
        self.total = 0
        self.detail = ""
        self.bar = report.bar(title)
        self._told = 0

    def update(self, *, done: int | None = None, total: int | None = None, detail: str | None = None) -> None:
        """Set how far it is: `done` of `total` units, and what exactly is at hand."""
        self.done = self.done if done is None else done
        self.total = self.total if total is None else total
        self.detail = self.detail if detail is None else detail
        self._report.changed(self)
        tenth = self.done * 10 // self.total if self.total else 0
        if tenth > self._told:
            self._told = tenth
            self._report.progress(self)

    def advance(self, detail: str | None = None) -> None:
        """One unit more is done."""
        self.update(done=self.done + 1, detail=detail)


class Report:
    """Where progress goes. Safe to use from several threads."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stderr
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.timings: dict[str, float] = {}
        console = Console(file=self._output)
        self._progress: Progress | None = None
        if console.is_terminal:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("[dim]{task.fields[detail]}"),
            )
            self._progress = Progress(*columns, console=console, transient=True)

    def line(self, text: str) -> None:
        """Print one line."""
        with self._lock:
            stamp = f"{time.monotonic() - self._begun:6.1f} s  {text}"
            if self._progress:
                self._progress.console.print(stamp, markup=False, highlight=False)
            else:
                print(stamp, file=self._output, flush=True)

    @contextmanager
    def task(self, title: str) -> Iterator[Task]:
        """Show a task while the block runs, and one line with the time it took after it."""
        task = Task(self, title)
        begun = time.monotonic()
        if not self._progress:
            self.line(f"… {title}")
        try:
            yield task
        except BaseException:
            self.line(f"✗ {title} ({time.monotonic() - begun:.1f} s)")
            raise
        else:
            self.timings[title] = time.monotonic() - begun
            self.line(f"✓ {title} ({self.timings[title]:.1f} s)")
        finally:
            if self._progress and task.bar is not None:
                self._progress.remove_task(task.bar)

    def __enter__(self) -> Report:
        """Begin to draw."""
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing."""
        if self._progress:
            self._progress.stop()

    def bar(self, title: str) -> TaskID | None:
        """A new bar, where bars are drawn."""
        return self._progress.add_task(title, total=None, detail="") if self._progress else None

    def changed(self, task: Task) -> None:
        """Redraw a task's bar."""
        if self._progress and task.bar is not None:
            self._progress.update(task.bar, completed=task.done, total=task.total or None, detail=task.detail[-60:])

    def progress(self, task: Task) -> None:
        """Say how far a task is, where no bars are drawn."""
        if not self._progress:
            self.line(f"  {task.title}: {task.done} of {task.total}")
