"""`rainbow prove`: an app is released, or switched, again and again under a probe; not one answer may fail (J2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.routes import read_route
from rainbow.adapters.world import Clock
from rainbow.cli.clusters import meant, one_cluster
from rainbow.cli.options import cluster_options, file_option
from rainbow.cli.output import Form, emit, output_option
from rainbow.cli.probe import seconds
from rainbow.cli.probing_screen import show_bursts
from rainbow.cli.proving import plan, proved
from rainbow.cli.turns import Releases, Switches, in_turns, taken, two_of
from rainbow.decisions.probing import at
from rainbow.decisions.proving import Proof, proof_json, table
from rainbow.errors import BadInput, PermanentError
from rainbow.model.app import AppConfig
from rainbow.model.probing import MOST_REQUESTS


@click.command()
@file_option
@click.option("--times", type=click.IntRange(1, 1000), help="release it so many times  [default: 3]")
@click.option("--switches", type=click.IntRange(1, 1000), help="only switch, between two releases that are there")
@click.option("--between", nargs=2, help="the two  [default: the current release and the newest other]")
@click.option("--image", "images", multiple=True, metavar="[NAME=]REF", help="given twice for a name: in turns")
@click.option("--rate", type=float, default=50.0, show_default=True, help="requests a second")
@click.option("--url", "urls", multiple=True, metavar="URL", help="what to ask, as for probe  [default: the route]")
@click.option("--proxy-url", help="the proxy as seen from here, instead of that in rainbow.yaml")
@click.option("--pause", default="2s", show_default=True, help="between two rounds")
@click.option("--most", type=int, default=MOST_REQUESTS, show_default=True, help="requests in all, as a bound")
@output_option
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="write the JSON into this file, too")
@click.option(
    "--table",
    "results",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="only print a table (Markdown) of what was written before; repeatable",
)
@one_cluster
@cluster_options
def prove(path: Path, results: tuple[Path, ...], output: Form, write: Path | None, **given: Any) -> int:
    """Release an app again and again, through the real workflow, while requests are sent without pause.

    Exit 0 only if every round came to its end and every answer was a success of a release that named itself. With
    --switches the route is switched to and fro between two releases that are deployed; such a round takes a second.
    What becomes of the older releases is decided by the app's own retention.

    \b
    Examples:
      rainbow prove -f rainbow.yaml --times 5 --proxy-url http://127.0.0.1:18080
      rainbow prove -f rainbow.yaml --switches 20 --rate 1000 --write build/switches.json
    """
    if results:
        click.echo(table([json.loads(result.read_text()) for result in results]), nl=False)
        return 0
    if given["times"] and given["switches"]:
        raise BadInput("--times and --switches: give one of them")
    app, context = meant(path, given["cluster"], given["context"])
    kube = connect(context=context)
    proof = _switched(kube, path, app, given) if given["switches"] else _released(kube, path, app, given)
    data = proof_json(proof)
    if write is not None:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(json.dumps(data, indent=2) + "\n")
    if output.for_programs:
        emit(output, data)
    else:
        show(proof, Console())
    return 0 if proof.good else 1


def _switched(kube: Kube, path: Path, app: AppConfig, given: dict[str, Any]) -> Proof:
    count, pause = given["switches"], seconds("--pause", given["pause"])
    planned = plan(app, path, given)
    switches = Switches(kube, app, two_of(kube, app, given["between"]), given["proxy_url"])
    turns = taken(switches.turn, count, pause, Clock())
    return proved(kube, app, planned, turns, mode="switches", wanted=count)


def _released(kube: Kube, path: Path, app: AppConfig, given: dict[str, Any]) -> Proof:
    count, pause = given["times"] or 3, seconds("--pause", given["pause"])
    releases = Releases(kube, path, app, lambda number: in_turns(given["images"], number))
    planned = plan(releases.app, path, given)
    if read_route(kube, releases.app).current is None:
        click.echo("no release is current yet: the first one is made before anybody asks", err=True)
        first = releases.turn(0)
        if first.trouble:
            raise PermanentError(f"release {first.release} did not become live: {first.trouble}")
    turns = taken(releases.turn, count, pause, Clock())
    return proved(kube, releases.app, planned, turns, mode="releases", wanted=count)


def show(proof: Proof, console: Console) -> None:
    """A line for each round, what failed, and the verdict."""
    shown = Table("round", "release", "requests", "failed", "switched", "old release", "p50", "p99", box=None)
    for number, each in enumerate(proof.rounds, 1):
        old = "-" if each.old_ms is None else f"{each.old_ms:.0f} ms"
        latency = ["-" if value is None else f"{value:.1f} ms" for value in (each.p50, each.p99)]
        switched = "-" if each.turn.switched is None else at(each.turn.switched)[11:-1]
        shown.add_row(str(number), each.turn.release, str(each.sent), str(each.failed), switched, old, *latency)
    console.print(shown, markup=False, highlight=False)
    show_bursts(proof.verdict, console)
    why = "; ".join((*proof.unproved, *proof.verdict.noticed))
    counts = f"{proof.verdict.summary.sent} requests, {proof.verdict.summary.failed} failed"
    line = f"{len(proof.rounds)} {proof.mode}, {counts}: nobody noticed." if proof.good else f"Not proved: {why}."
    console.print(line, style="green" if proof.good else "red", markup=False, highlight=False, soft_wrap=True)
