"""`rainbow history`: who released what and when, how long it was live, and what became of it (B9)."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from rainbow.adapters.kube import RELEASE, Kube, connect
from rainbow.adapters.records import sorted_out
from rainbow.adapters.world import Clock
from rainbow.cli import arguments, names
from rainbow.cli.options import app_options
from rainbow.cli.output import Form, console, emit, output_option, print_rows
from rainbow.cli.over_clusters import over_clusters
from rainbow.decisions.ago import short
from rainbow.decisions.chronicle import Chapter, chronicle
from rainbow.errors import BadInput, PermanentError
from rainbow.model.names import APP_LABEL
from rainbow.model.release import format_time


@click.command()
@click.argument("app", required=False, shell_complete=names.apps)
@click.option("-A", "--all-namespaces", is_flag=True, help="of every namespace")
@click.option("--last", type=click.IntRange(1), metavar="N", help="only the last N releases")
@output_option
@app_options
@over_clusters
def history(
    app: str | None, namespace: str, all_namespaces: bool, last: int | None, output: Form, context: str | None
) -> None:
    """Show who released what and when, how long it was live, and what became of it; the last one last.

    Also of releases that are long gone: their records stay (rainbow.yaml: retention.history says how many). Left out,
    APP is every app of the namespace.

    \b
    Examples:
      rainbow history shop
      rainbow history shop --last 5 -o wide
      rainbow history --all-namespaces -o json
    """
    chosen = None if app is None else arguments.app_name(app)
    kube = connect(context=context)
    found = _chapters(kube, None if all_namespaces else namespace, chosen)
    shown = found[-last:] if last else found
    if output.for_programs:
        emit(output, {"releases": [_data(one) for one in shown]})
        return
    rows = [_cells(one, output, several=chosen is None, everywhere=all_namespaces) for one in shown]
    if not rows:
        where = "any namespace" if all_namespaces else f"namespace {namespace}"
        click.echo(f"nothing was ever released in {where}", err=True)
        return
    headings = [*(["NAMESPACE"] if all_namespaces else []), *(["APP"] if chosen is None else []), "RELEASE"]
    wide = ["LIVE FROM", "UNTIL", "IMAGES", "SOURCE"] if output is Form.WIDE else []
    print_rows(console(), [*headings, "RELEASED", "BY", "LIVE FOR", *wide, "WHAT BECAME OF IT"], rows)


def _chapters(kube: Kube, namespace: str | None, app: str | None) -> list[Chapter]:
    try:
        objects = kube.list(RELEASE, namespace, labels=APP_LABEL if app is None else f"{APP_LABEL}={app}")
    except PermanentError as error:
        raise names.not_readable(error, namespace) from error
    releases, unreadable = sorted_out(objects)
    for record in unreadable:
        click.echo(f"left out: {record.why}", err=True)
    if app is not None and not objects:
        raise BadInput(names.no_app(kube, namespace, app))
    return chronicle(releases, Clock().now())


def _cells(one: Chapter, form: Form, *, several: bool, everywhere: bool) -> list[Text | str]:
    cells = [*([one.namespace] if everywhere else []), *([one.app] if several else []), one.release]
    live = "-" if one.live_for is None else short(one.live_for)
    cells += [f"{one.released:%Y-%m-%d %H:%M}", one.by or "-", live]
    if form is Form.WIDE:
        times = ["-" if t is None else f"{t:%Y-%m-%d %H:%M:%S}" for t in (one.live_from, one.live_until)]
        images = ",".join(f"{name}={ref}" for name, ref in one.images.items())
        cells += [*times, images or "-", one.source or "-"]
    colour = "green" if one.became == "current" else "red" if one.became.startswith("failed") else ""
    return [*cells, Text(one.became, colour)]


def _data(one: Chapter) -> dict[str, Any]:
    times = {"releasedAt": one.released, "liveFrom": one.live_from, "liveUntil": one.live_until}
    return {
        "namespace": one.namespace,
        "app": one.app,
        "release": one.release,
        "by": one.by,
        **{key: None if value is None else format_time(value) for key, value in times.items()},
        "liveSeconds": None if one.live_for is None else round(one.live_for.total_seconds(), 3),
        "became": one.became,
        "images": dict(one.images),
        "source": one.source or None,
    }
