"""`rainbow hold` and `rainbow resume`: freeze an app, or keep a release from being deleted."""

from __future__ import annotations

import click

from rainbow.cli import operation
from rainbow.cli.operate import operate
from rainbow.cli.operation import Options


@click.command()
@click.argument("app")
@click.argument("release", required=False)
@click.option("--reason", required=True, help="why, for whoever meets the hold later")
@operation.options
def hold(app: str, release: str | None, reason: str, options: Options) -> int:
    """Hold an app: nothing of it is switched. With RELEASE: that release is not deleted, whatever is run.

    \b
    Examples:
      rainbow hold -n spawn spawn --reason "the database is being moved"
      rainbow hold -n spawn spawn v7 --reason "we look into its memory"
    """
    return operate("hold", {"release": release, "reason": reason, "by": options.by}, app=app, **options.how)


@click.command()
@click.argument("app")
@click.argument("release", required=False)
@click.option("--reason", help="why, for the record")
@operation.options
def resume(app: str, release: str | None, reason: str | None, options: Options) -> int:
    """End the hold of an app, or of a RELEASE.

    \b
    Example:
      rainbow resume -n spawn spawn
    """
    return operate("resume", {"release": release, "reason": reason, "by": options.by}, app=app, **options.how)
