"""`rainbow probe`: requests without pause, and whether users noticed anything (J2)."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console

from rainbow.adapters.kube import connect
from rainbow.adapters.probe import Probe
from rainbow.adapters.probe.watching import watching
from rainbow.cli import arguments, names
from rainbow.cli.options import cluster_options
from rainbow.cli.output import Form, emit, output_option
from rainbow.cli.probing_screen import progress, show
from rainbow.decisions.probing import as_json, judge
from rainbow.errors import BadInput
from rainbow.model.durations import parse_duration
from rainbow.model.probing import MOST_REQUESTS, Plan, Target


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--rate", type=float, default=50.0, show_default=True, help="requests a second, over all URLs in turn")
@click.option("--for", "span", default="30s", show_default=True, help="how long")
@click.option("--body", default='{"probe": true}', show_default=True, help="of a POST, PUT or PATCH")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="of every request; repeatable")
@click.option("--connect", metavar="HOST:PORT", help="connect there, whatever the host of the URL")
@click.option("--release-header", default="X-Release", show_default=True, help="header that names the release")
@click.option("--release-field", metavar="A.B", help="field of a JSON answer that names the release, instead")
@click.option("--named", is_flag=True, help="an answer that names no release is a failure")
@click.option("--users", type=int, default=2, show_default=True, help="who have each download and stream open")
@click.option("--held", default="10s", show_default=True, help="how long a stream is held before it begins anew")
@click.option("--timeout", default="30s", show_default=True, help="of a request")
@click.option("--most", type=int, default=MOST_REQUESTS, show_default=True, help="requests in all, as a bound")
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    help="also tell what happened there around each failure",
    shell_complete=names.namespaces,
)
@output_option
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="write the JSON into this file, too")
@cluster_options
def probe(
    urls: tuple[str, ...], namespace: str | None, output: Form, write: Path | None, context: str | None, **given: Any
) -> int:
    """Send requests without pause, and say whether users would have noticed anything: exit 0 if not one failed.

    A URL is asked by GET, unless another method stands before it: "POST http://shop/orders". "DOWNLOAD http://…" and
    "STREAM http://…" (server-sent events, or any answer without an end) and a URL of ws:// are kept open all the time.
    Requests are sent when they are due, however slow the answers are, and none is sent twice; every fifth on a
    connection of its own. Nothing but these URLs is asked, and no redirect is followed. Ctrl-C or SIGTERM
    ends it early; what was seen until then is told.

    \b
    Examples:
      rainbow probe https://shop.example/ --rate 100 --for 5m
      rainbow probe http://shop.localhost/ ws://shop.localhost/live --connect 127.0.0.1:18080 -n shop
    """
    chosen = plan(urls, given)
    kube = connect(context=context) if namespace is not None else None
    running = Probe(chosen)
    # As whoever stops a job of CI does it; and a shell's background job has no Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _around(kube, namespace) as around:
        running.start()
        try:
            progress(running, Console(stderr=True))
        except KeyboardInterrupt:
            click.echo("ended early; this is what was seen so far:", err=True)
        trouble = running.ended()
    verdict = judge(running.answers, around.seen, trouble)
    data = as_json(verdict) | {"lateMs": round(running.late * 1000, 1)}
    if write is not None:
        write.write_text(json.dumps(data, indent=2) + "\n")
    if output.for_programs:
        emit(output, data)
    else:
        show(verdict, running, Console())
    return 0 if verdict.good else 1


def _around(kube: Any, namespace: str | None) -> Any:
    return watching(kube, None if namespace is None else arguments.namespace(namespace))


def plan(urls: tuple[str, ...], given: Mapping[str, Any]) -> Plan:
    """The plan that the command line describes. Raises BadInput."""
    try:
        return Plan(
            targets=tuple(Target.parse(url, given["body"]) for url in urls),
            rate=given["rate"],
            seconds=seconds("--for", given["span"]),
            most=given["most"],
            connect=given["connect"],
            headers=dict(_header(text) for text in given["headers"]),
            release_header=given["release_header"],
            release_field=given["release_field"],
            named=given["named"],
            users=given["users"],
            held_seconds=seconds("--held", given["held"]),
            timeout=seconds("--timeout", given["timeout"]),
        )
    except ValidationError as error:
        raise BadInput("; ".join(complaint(e) for e in error.errors())) from error
    except ValueError as error:
        raise BadInput(f"URL: {error}") from error


def complaint(error: Any) -> str:
    """What pydantic has found wrong, with the flag in front."""
    where = "".join(f"--{part}: " for part in error["loc"][:1]).replace("_", "-").replace("--targets", "URL")
    return where + str(error["msg"]).removeprefix("Value error, ")


def seconds(flag: str, text: str) -> float:
    """A duration of the command line. Raises BadInput."""
    try:
        given: timedelta = parse_duration(text)
    except ValueError as error:
        raise BadInput(f"{flag}: {error}") from error
    return given.total_seconds()


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (colon and name.strip()):
        raise BadInput(f"--header {text}: expected NAME:VALUE")
    return name.strip(), value.strip()
