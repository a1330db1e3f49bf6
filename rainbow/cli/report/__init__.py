"""`rainbow report`: one page that shows the releases of an app over time, as a file or live on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rainbow.adapters.kube import connect
from rainbow.adapters.report import Reporter
from rainbow.adapters.world import Clock
from rainbow.cli import arguments
from rainbow.cli.options import app_argument, app_options
from rainbow.cli.over_clusters import cluster_here, over_clusters
from rainbow.decisions.report import picture
from rainbow.errors import BadInput, PermanentError
from rainbow.model.durations import parse_duration


@click.command()
@app_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="the file to write, - for the standard output  [default: report-APP.html]",
)
@click.option("--since", default="24h", show_default=True, help="how far to look back")
@click.option("--serve", is_flag=True, help="serve the page on this machine, kept up to date, until Ctrl-C")
@click.option("--port", type=click.IntRange(0, 65535), help="of --serve; 0: any that is free  [default: 8484]")
@click.option("--every", help="of --serve: the time between two looks  [default: 5s]")
@click.option("--prometheus-url", help="instead of the address in rainbow.yaml, as seen from here")
@app_options
@over_clusters
def report(app: str, namespace: str, output: Path | None, since: str, serve: bool, **given: Any) -> None:
    """Draw the releases of an app over time: their phases, requests, failures, active tasks, switches and events.

    The page is one file and needs no network to be read. What Prometheus does not know is a gap in it; without
    Prometheus it shows what the records tell, and says what is missing.

    \b
    Examples:
      rainbow report spawn -o spawn.html --since 7d
      rainbow report spawn --all-clusters -o spawn.html
      rainbow report spawn --serve --prometheus-url http://127.0.0.1:9090
    """
    app = arguments.app_name(app)
    back, every = _duration("--since", since), _duration("--every", given["every"] or "5s")
    if serve and output is not None:
        raise BadInput("--serve and --output: give one of them")
    if not serve and (given["port"] is not None or given["every"] is not None):
        raise BadInput("--port and --every belong to --serve")
    clock, file = Clock(), _file(output, app)
    reporter = Reporter(connect(context=given["context"]), namespace, app, back, given["prometheus_url"])

    def find() -> dict[str, Any]:
        return picture(reporter.look(clock.now()))

    if serve:
        _serve(find, 8484 if given["port"] is None else given["port"], every.total_seconds())
    else:
        _write(find(), file)


def _file(output: Path | None, app: str) -> Path:
    """A page for each cluster, where it is done in several."""
    file, cluster = output or Path(f"report-{app}.html"), cluster_here()
    if cluster is None:
        return file
    if str(file) == "-":
        raise BadInput("--output -: each cluster has a page of its own, and needs a file")
    return file.with_stem(f"{file.stem}-{cluster}")


def _write(data: dict[str, Any], output: Path) -> None:
    from rainbow.cli.report.page import page

    text = page(data)
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PermanentError(f"{output} cannot be written: {error.strerror}") from error
    unknown = f"; not known: {len(data['unknown'])}, named at its top" if data["unknown"] else ""
    count = len(data["releases"])
    click.echo(f"{output}: {count} release{'' if count == 1 else 's'}, {len(text.encode()) / 1e6:.1f} MB{unknown}")


def _serve(find: Any, port: int, every: float) -> None:
    from rainbow.cli.report.serving import ADDRESS, Fresh, server

    fresh = Fresh(find, every)
    fresh.data()  # what is wrong with the app or the cluster is said before anybody opens the page
    with server(fresh, port) as listening:
        click.echo(f"http://{ADDRESS}:{listening.server_port}/ (Ctrl-C ends it)")
        listening.serve_forever(poll_interval=0.2)


def _duration(flag: str, text: str) -> Any:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise BadInput(f"{flag}: {error}") from error
    if not found:
        raise BadInput(f"{flag}: expected more than nothing")
    return found
