"""What `rainbow status` looks like: a table, data for programs, a live table, or a line for each change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from rainbow.cli.output import Form, as_text, emit, print_rows, table_of
from rainbow.cli.status_data import data
from rainbow.decisions.ago import short
from rainbow.decisions.standing import AppStanding, Standing
from rainbow.model.release import Phase

_COLOURS = {
    Phase.PENDING: "yellow",
    Phase.TESTING: "yellow",
    Phase.READY: "cyan",
    Phase.CURRENT: "bold green",
    Phase.DRAINING: "blue",
    Phase.DRAINED: "dim",
    Phase.DELETED: "dim",
    Phase.FAILED: "bold red",
}


@dataclass(frozen=True)
class Board:
    """What is to be shown, and how. `several`: of more than one app; `everywhere`: of more than one namespace."""

    form: Form
    where: str
    several: bool
    everywhere: bool
    deleted_too: bool

    def rows(self, apps: Sequence[AppStanding]) -> Iterator[tuple[AppStanding, Standing]]:
        """The releases to show."""
        for app in apps:
            for one in app.releases:
                if self.deleted_too or not one.deleted:
                    yield app, one

    @property
    def headings(self) -> tuple[str, ...]:
        """Of the table."""
        names = (*(("NAMESPACE",) if self.everywhere else ()), *(("APP",) if self.several else ()))
        wide = ("BY", "IMAGES", "WORKFLOW") if self.form is Form.WIDE else ()
        return (*names, "RELEASE", "PHASE", "TRAFFIC", "TASKS", "AGE", *wide, "STEP", "WAITS FOR")

    def cells(self, app: AppStanding, one: Standing, now: datetime) -> tuple[Text, ...]:
        """A line of it."""
        names = [*([app.namespace] if self.everywhere else []), *([app.app] if self.several else [])]
        colour = _COLOURS.get(one.phase, "bold red")  # type: ignore[call-overload]
        age = "-" if one.since is None else short(now - one.since)
        wide: list[str] = []
        if self.form is Form.WIDE:
            images = ",".join(f"{name}={ref}" for name, ref in one.images.items())
            wide = [one.by or "-", images or "-", one.workflow_url or one.workflow or "-"]
        step = one.step and f"{one.step} {short(now - one.step_since) if one.step_since else ''}".strip()
        cells = [*names, one.release, one.phase, one.traffic, one.tasks, age, *wide, step or "-", said(one)]
        styles = [""] * len(names) + ["bold", colour, "green" if one.traffic == "100%" else ""]
        return tuple(Text(cell, style) for cell, style in zip(cells, styles + [""] * len(cells), strict=False))


def said(one: Standing) -> str:
    """What it waits for, and who holds it."""
    return "; ".join(text for text in (one.waits, one.held) if text)


def show(board: Board, apps: Sequence[AppStanding], trouble: Sequence[str], now: datetime, console: Console) -> None:
    """Once."""
    if board.form.for_programs:
        emit(board.form, data(apps, board.rows(apps), trouble))
        return
    rows = [board.cells(app, one, now) for app, one in board.rows(apps)]
    if rows:
        print_rows(console, board.headings, rows)
    else:
        click.echo(f"no releases in {board.where}; make one: rainbow release -f rainbow.yaml", err=True)
    for line in _below(apps, trouble):
        click.echo(line, err=bool(trouble) and line in trouble)


def _below(apps: Sequence[AppStanding], trouble: Sequence[str]) -> list[str]:
    return [*(remark for app in apps for remark in app.remarks), *trouble]


class Screen(Protocol):
    """Where it is shown again and again."""

    def update(self, apps: Sequence[AppStanding], trouble: Sequence[str], now: datetime) -> None:
        """Show what is so now."""


def screen(board: Board, console: Console) -> AbstractContextManager[Screen]:
    """The one that fits."""
    return _live(board, console) if console.is_terminal and not board.form.for_programs else _lines(board)


@contextmanager
def _live(board: Board, console: Console) -> Iterator[Screen]:
    # Drawn only when it is updated: what is on the screen is replaced in one write, so nothing flickers.
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        yield _Live(board, live)


@dataclass
class _Live:
    board: Board
    live: Live

    def update(self, apps: Sequence[AppStanding], trouble: Sequence[str], now: datetime) -> None:
        rows = [self.board.cells(app, one, now) for app, one in self.board.rows(apps)]
        below = [Text(line, "yellow") for line in _below(apps, trouble)]
        if not rows:
            below.append(Text(f"no releases in {self.board.where}"))
        below.append(Text(f"{now:%H:%M:%S} UTC, until Ctrl-C", "dim"))
        whole = Group(*([table_of(self.board.headings, rows)] if rows else []), *below)
        console = self.live.console
        room = console.size.height - 1
        if len(console.render_lines(whole)) > room:
            whole = self._cut(rows, below, room)
        self.live.update(whole, refresh=True)

    def _cut(self, rows: Sequence[Sequence[Text]], below: Sequence[Text], room: int) -> Group:
        """A line for each release, and the newest ones when these are too many: they are what changes."""
        taken = len(self.live.console.render_lines(Group(*below)))
        shown = rows[-max(1, room - taken - 2) :]
        more = Text(f"… {len(rows) - len(shown)} older ones; a higher window shows them", "dim")
        parts = [more] if len(shown) < len(rows) else []
        return Group(*parts, table_of(self.board.headings, shown, cut=True), *below)


@contextmanager
def _lines(board: Board) -> Iterator[Screen]:
    yield _Lines(board)


@dataclass
class _Lines:
    """A line for each release that has changed, without what changes by itself; for programs a document."""

    board: Board
    seen: dict[tuple[str, ...], str] = field(default_factory=dict)

    def update(self, apps: Sequence[AppStanding], trouble: Sequence[str], now: datetime) -> None:
        if self.board.form.for_programs:
            self._document(apps, trouble)
            return
        for app, one in self.board.rows(apps):
            words = (one.phase, one.traffic, f"{one.tasks} tasks" if one.tasks != "-" else "", one.step, said(one))
            self._line((app.namespace, app.app, one.release), "  ".join(word for word in words if word), now)
        for app in apps:
            self._line(
                (app.namespace, app.app), "; ".join(app.remarks), now, over="not held any more, and its route is known"
            )
        self._line((), "; ".join(trouble), now, over="the API server answers again")

    def _line(self, about: tuple[str, ...], text: str, now: datetime, *, over: str = "") -> None:
        before = self.seen.get(about, "")
        self.seen[about] = text
        if text != before:
            shown = about if self.board.everywhere else about[1:]
            click.echo("  ".join([f"{now:%H:%M:%S}", *shown, text or over]))

    def _document(self, apps: Sequence[AppStanding], trouble: Sequence[str]) -> None:
        compact = as_text(self.board.form, data(apps, self.board.rows(apps), trouble), indent=None)
        if self.seen.get(()) != compact:
            self.seen[()] = compact
            click.echo(compact if self.board.form is Form.JSON else f"---\n{compact}")
