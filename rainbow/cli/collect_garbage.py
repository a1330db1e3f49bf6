"""`rainbow collect-garbage`: what the schedule does, at once."""

from __future__ import annotations

import click

from rainbow.cli import operation
from rainbow.cli.operate import operate
from rainbow.cli.operation import Options


@click.command(name="collect-garbage")
@click.option("--namespaces", help="namespaces to collect in, separated by commas  [default: --namespace]")
@operation.options
def collect_garbage(namespaces: str | None, options: Options) -> int:
    """Delete all that is due, of every app: drained releases, failed ones, what lost its record, old records.

    \b
    Examples:
      rainbow collect-garbage --dry-run
      rainbow collect-garbage -n spawn
    """
    return operate("collect-garbage", {"namespaces": namespaces}, app="", **options.how)
