"""The commands of one cluster in all clusters of rainbow.yaml, one after the other.

What becomes of it in one of them keeps nobody from the others: in an emergency they count as well.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import wraps
from pathlib import Path
from typing import Any

import click
import yaml
from click.core import ParameterSource
from rich.text import Text

from rainbow.adapters.regions import Place
from rainbow.cli.options import given_before
from rainbow.cli.output import GATHERED, Form, console, emit, print_rows
from rainbow.errors import BadInput, RainbowError

Command = Callable[..., int | None]
FILE = Path("rainbow.yaml")
_SAID_BY_THE_FILE = ("context", "namespace", "all_namespaces")

only_clusters = click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="only this one of the file's `clusters`; repeatable"
)
_META = "rainbow.cluster"
_all_clusters = click.option(
    "--all-clusters", is_flag=True, help="in every cluster that rainbow.yaml names, in their order"
)
_file = click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="with --all-clusters or --cluster: the file that names them  [default: rainbow.yaml]",
)


def over_clusters(command: Command) -> Command:
    """Give a command with `namespace` and `context` these options; whichever cluster is meant, it does not notice.

    One that has an option `path` of its own keeps it, for when no cluster is named.
    """
    own_file = any(option.name == "path" for option in getattr(command, "__click_params__", []))

    @wraps(command)
    def call(**values: Any) -> int | None:
        only, everywhere, path = values.pop("clusters"), values.pop("all_clusters"), values.pop("path")
        if everywhere or only:
            return _over(command, path or FILE, only, values | ({"path": None} if own_file else {}))
        if own_file:
            return command(**values, path=path)
        if path is not None:
            raise BadInput("-f/--file: say which of its clusters are meant: --all-clusters, or --cluster NAME")
        return command(**values)

    given: Command = call
    for option in (only_clusters, _all_clusters, *(() if own_file else (_file,))):
        given = option(given)
    return given


def _over(command: Command, path: Path, only: Sequence[str], values: dict[str, Any]) -> int:
    from rainbow.cli.clusters import places  # whoever means one cluster does not wait for it

    _refuse(values)
    found = places(path, only)
    if (app := values.get("app")) and app != found[0].app.app:
        raise BadInput(f"{path} is about app {found[0].app.app}, not {app}")
    output = values.get("output")
    if isinstance(output, Form) and output.for_programs:
        return _one_document(command, found, values, output)
    if isinstance(output, Form):
        return _one_table(command, found, values)
    return in_each(found, lambda place: command(**(values | _there(place))))


def _refuse(values: dict[str, Any]) -> None:
    """What the file says for each of its clusters cannot be said for all of them."""
    ctx = click.get_current_context()
    for name in _SAID_BY_THE_FILE:
        said = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE or given_before(ctx, name) is not None
        if name in values and said:
            raise BadInput(f"--{name.replace('_', '-')}: the file says it for each cluster; leave it out")
    for name in ("watch", "serve"):
        if values.get(name):
            raise BadInput(f"--{name}: of one cluster at a time; leave --all-clusters and --cluster out")


def cluster_here() -> str | None:
    """The cluster in which a command is just being run, when it is run in several."""
    name: str | None = click.get_current_context().meta.get(_META)
    return name


def _there(place: Place) -> dict[str, Any]:
    click.get_current_context().meta[_META] = place.name
    return {"namespace": place.app.namespace, "context": place.context}


def in_each(found: Sequence[Place], call: Callable[[Place], int | None]) -> int:
    """One after the other. The exit code is 0 when it is so in all of them, else that of the first that failed."""
    codes: dict[str, int] = {}
    for place in found:
        click.echo(f"CLUSTER {place.name}  ({' '.join(place.where)})")
        codes[place.name] = _code(place, call)
        if codes[place.name] == 130:  # who presses Ctrl-C means all of it
            break
    failed = [name for name, code in codes.items() if code]
    left = [place.name for place in found if place.name not in codes]
    if failed or left:
        done = [name for name in codes if name not in failed]
        parts = (("done", done), ("failed", failed), ("not begun", left))
        click.echo("; ".join(f"{word} in {', '.join(names)}" for word, names in parts if names), err=True)
    return next((code for code in codes.values() if code), 0)


def _code(place: Place, call: Callable[[Place], int | None]) -> int:
    try:
        return call(place) or 0
    except RainbowError as error:
        click.echo(f"error: cluster {place.name}: {error}", err=True)
        return error.exit_code


def _one_table(command: Command, found: Sequence[Place], values: dict[str, Any]) -> int:
    """The rows of all with a column CLUSTER, and below what else each of them says."""
    headings: Sequence[str] = ()
    rows: list[Sequence[Any]] = []
    lines, codes, meta = [], [], click.get_current_context().meta
    for place in found:
        gathered: list[tuple[Sequence[str], Sequence[Sequence[Any]]]] = []
        said = io.StringIO()
        meta[GATHERED] = gathered
        with redirect_stdout(said):
            codes.append(_code(place, lambda place: command(**(values | _there(place)))))
        for headings, several in gathered:  # noqa: B007 - the same for all
            rows += [(Text(place.name), *row) for row in several]
        lines += [f"{place.name}: {line}" for line in said.getvalue().splitlines()]
    meta[GATHERED] = None
    if rows:
        print_rows(console(), ("CLUSTER", *headings), rows)
    for line in lines:
        click.echo(line)
    return next((code for code in codes if code), 0)


def _one_document(command: Command, found: Sequence[Place], values: dict[str, Any], output: Form) -> int:
    """What each cluster says, in one document, and what went wrong with those that say nothing."""
    documents: list[dict[str, Any]] = []
    codes = []
    for place in found:
        head = {"cluster": place.name, "context": place.context, "namespace": place.app.namespace}
        said = io.StringIO()
        try:
            with redirect_stdout(said):
                codes.append(command(**(values | _there(place))) or 0)
        except RainbowError as error:
            codes.append(error.exit_code)
            documents.append(head | {"error": str(error)})
        else:
            documents.append(head | (yaml.safe_load(said.getvalue()) or {}))
    emit(output, {"clusters": documents})
    return next((code for code in codes if code), 0)
