"""How a command shows what it has found: as a table for people, or as data for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

GATHERED = "rainbow.rows"
WIDE = 2000  # in a file or a pipe each line stays one, however long


class Form(StrEnum):
    """As kubectl calls them."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def for_programs(self) -> bool:
        """Whether nothing else may be printed on standard output."""
        return self in (Form.JSON, Form.YAML)


def _form(_ctx: click.Context, _option: click.Parameter, value: str) -> Form:
    return Form(value)


output_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-o",
    "--output",
    type=click.Choice([form.value for form in Form]),
    default=Form.TABLE.value,
    show_default=True,
    callback=_form,
    help="what it looks like: wide has more columns, where there are more; the others are for programs",
)


def emit(form: Form, data: Any) -> None:
    """Print data for a program, as JSON or YAML."""
    click.echo(as_text(form, data))


def as_text(form: Form, data: Any, *, indent: int | None = 2) -> str:
    """The data as a document."""
    if form is Form.JSON:
        return json.dumps(data, indent=indent)
    return yaml.safe_dump(data, sort_keys=False, width=120, allow_unicode=True).rstrip("\n")


def console(*, err: bool = False) -> Console:
    """The one to print on: as wide as the terminal, or as the lines are. NO_COLOR is heeded by it."""
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else WIDE, highlight=False)


def table_of(headings: Sequence[str], rows: Sequence[Sequence[Text]], *, cut: bool = False) -> Table:
    """A table as kubectl prints them: where it is narrow the last column alone is broken into lines, or `cut`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings[:-1]):
        width = max([len(heading), *(row[number].cell_len for row in rows)])
        table.add_column(heading, no_wrap=True, min_width=width)
    table.add_column(headings[-1], no_wrap=cut, overflow="ellipsis" if cut else "fold")
    for row in rows:
        table.add_row(*row)
    return table


def print_rows(target: Console, headings: Sequence[str], rows: Sequence[Sequence[Text | str]]) -> None:
    """Print a table; without a terminal no blanks follow the last column.

    In several clusters it is one table of all of them: whoever runs the command there gathers the rows.
    """
    ctx = click.get_current_context(silent=True)
    if ctx is not None and (gathered := ctx.meta.get(GATHERED)) is not None:
        gathered.append((headings, rows))
        return
    table = table_of(headings, [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows])
    if target.is_terminal:
        target.print(table)
        return
    with target.capture() as capture:
        target.print(table)
    for line in capture.get().splitlines():
        target.out(line.rstrip(), highlight=False)
