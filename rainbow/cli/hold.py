"""`rainbow hold` and `rainbow resume`: freeze an app, or keep a release from being deleted."""

from __future__ import annotations

import click

from rainbow.cli import operation
from rainbow.cli.operate import operate
from rainbow.cli.operation import Options
from rainbow.cli.options import app_argument, release_or_none


@click.command()
@app_argument
@release_or_none
@click.option("--reason", required=True, help="why, for whoever meets the hold later")
@operation.options
def hold(app: str, release: str | None, reason: str, options: Options) -> int:
    """Hold an app: nothing of it is switched. With RELEASE: that release is not deleted, whatever is run.

    \b
    Examples:
      rainbow hold spawn --reason "the database is being moved"
      rainbow hold spawn v7 --reason "we look into its memory"
    """
    return operate("hold", {"release": release, "reason": reason, "by": options.by}, app=app, **options.how)


@click.command()
@app_argument
@release_or_none
@click.option("--reason", help="why, for the record")
@operation.options
def resume(app: str, release: str | None, reason: str | None, options: Options) -> int:
    """End the hold of an app, or of a RELEASE.

    \b
    Examples:
      rainbow resume spawn
      rainbow resume spawn v7 --now
    """
    return operate("resume", {"release": release, "reason": reason, "by": options.by}, app=app, **options.how)
