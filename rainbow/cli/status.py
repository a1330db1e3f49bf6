"""`rainbow status`: how each release stands, once or live."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import click

from rainbow.adapters.kube import RELEASE, connect
from rainbow.adapters.mirror import Mirror
from rainbow.adapters.standings import SHOWN, Standings
from rainbow.adapters.world import Clock
from rainbow.cli import arguments, names
from rainbow.cli.options import app_options
from rainbow.cli.output import Form, console, output_option
from rainbow.cli.over_clusters import over_clusters
from rainbow.cli.status_screen import Board, screen, show
from rainbow.errors import BadInput, TemporaryError

AGES = 1.0  # seconds after which ages are shown anew, though nothing has changed
ROUTES = 5.0  # seconds after which routes are read again, though no record has changed
BREATH = 0.2  # seconds between two looks at least


@click.command()
@click.argument("app", required=False, shell_complete=names.apps)
@click.option("-A", "--all-namespaces", is_flag=True, help="of every namespace")
@click.option("-w", "--watch", is_flag=True, help="go on showing it as it changes, until Ctrl-C")
@click.option("-a", "--all", "deleted_too", is_flag=True, help="releases that are deleted, too")
@output_option
@app_options
@over_clusters
def status(
    app: str | None,
    namespace: str,
    all_namespaces: bool,
    watch: bool,
    deleted_too: bool,
    output: Form,
    context: str | None,
) -> None:
    """Show how the releases of an APP stand; left out, of every app of the namespace.

    A line for each: its phase, whether users are on it, the tasks that it has left, its age, what its workflow is
    doing, and what it waits for. Who is current is read from the route itself. With --watch the table stays on the
    screen and changes; where there is no terminal, a line is printed for each change, and with -o json a document.

    \b
    Examples:
      rainbow status
      rainbow status shop --watch
      rainbow status --all-namespaces -o wide
      rainbow status shop -o json
    """
    chosen = None if app is None else arguments.app_name(app)
    kube = connect(context=context)
    # Nobody waits long for a picture; and while watching, the next look comes anyway.
    hasty = replace(kube, attempts=2)
    mirror = Mirror(hasty, None if all_namespaces else namespace, SHOWN)
    mirror.read()
    if RELEASE in mirror.left_out:
        raise names.not_readable(mirror.left_out[RELEASE], mirror.namespace)
    standings = Standings(hasty, mirror, chosen)
    standings.read_routes()
    where = "any namespace" if all_namespaces else f"namespace {namespace}"
    board = Board(output, where=where, several=chosen is None, everywhere=all_namespaces, deleted_too=deleted_too)
    if watch:
        _watch(mirror, standings, board)
    if chosen is not None and not standings.look(Clock().now()):
        raise BadInput(names.no_app(kube, mirror.namespace, chosen))
    show(board, standings.look(Clock().now()), left_out(mirror), Clock().now(), console())


def _watch(mirror: Mirror, standings: Standings, board: Board) -> None:
    """Until Ctrl-C, or SIGTERM: a job in the background has no Ctrl-C."""
    clock, read_at = Clock(), time.monotonic()
    with _ended_by_sigterm(), mirror.kept_up(), screen(board, console()) as shown:
        for changed in _turns(mirror):
            if changed or time.monotonic() - read_at > ROUTES:
                read_at = time.monotonic()
                try:
                    standings.read_routes()
                except TemporaryError as error:
                    mirror.went_away("routes", str(error))
                else:
                    mirror.answers("routes")
            shown.update(standings.look(clock.now()), _trouble(mirror), clock.now())


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _turns(mirror: Mirror) -> Iterator[bool]:
    """Whenever something has changed (True), and now and then."""
    yield False
    while True:
        changed = mirror.changed.wait(AGES)
        mirror.changed.clear()
        yield changed
        time.sleep(BREATH)  # what comes together is shown together


def _trouble(mirror: Mirror) -> list[str]:
    if mirror.away is None:
        return left_out(mirror)
    since, why = mirror.away
    return [f"the API server does not answer since {since:%H:%M:%S}, this is from before: {why}", *left_out(mirror)]


def left_out(mirror: Mirror) -> list[str]:
    """What cannot be read, or no more: it is not shown, or as it was last."""
    found = [(kind, why, bool(mirror.of(kind))) for kind, why in list(mirror.left_out.items())]
    return [
        f"what {kind.kind} objects say is from before: {why}"
        if there
        else f"without what {kind.kind} objects say: {why}"
        for kind, why, there in found
    ]
