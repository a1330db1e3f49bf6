"""`rainbow contract`: the destructive step of a schema change, when it had to wait."""

from __future__ import annotations

import click

from rainbow.cli import operation
from rainbow.cli.operate import operate
from rainbow.cli.operation import Options
from rainbow.cli.options import app_argument, release_or_none


@click.command()
@app_argument
@release_or_none
@click.option("--trust-database", is_flag=True, help="with --now: though the records say something else than it does")
@click.option("--reason", help="why, for the record")
@operation.options
def contract(app: str, release: str | None, trust_database: bool, reason: str | None, options: Options) -> int:
    """Remove the old structure from the database of an app, as the RELEASE declares it; left out, the current one.

    The workflow of the release does so by itself at its end, unless releases that need the old structure are still
    there. It is refused, with their names, as long as they are.

    \b
    Example:
      rainbow contract address-book
    """
    values = {"release": release, "trust_database": trust_database, "reason": reason, "by": options.by}
    return operate("contract", values, app=app, **options.how)
