"""`rainbow rollback` and `rainbow switch`: lead the users to another release that is there."""

from __future__ import annotations

import click

from rainbow.cli import operation
from rainbow.cli.operate import operate
from rainbow.cli.operation import Options
from rainbow.cli.options import app_argument, release_argument, release_or_none

_reason = click.option("--reason", help="why, for the record")
_proxy = click.option("--proxy-url", help="with --now: the proxy as seen from here, instead of that in rainbow.yaml")


@click.command()
@app_argument
@release_or_none
@click.option("--from-release", help="go back only if this release is current; else nothing is done")
@click.option("--allow-rejected", is_flag=True, help="also to a release that was itself rolled back from")
@click.option("--despite-hold", is_flag=True, help="also while the app is held")
@_reason
@_proxy
@operation.options
def rollback(app: str, release: str | None, options: Options, **values: str | bool | None) -> int:
    """Go back at once to a RELEASE that is still there; left out, to the last one that was current before.

    It waits for no release that is under way. What is rolled back from is only promoted again by a person. With --now
    it runs right here, under the same lock and with the same record, when every second counts.

    \b
    Examples:
      rainbow rollback spawn --reason "errors at checkout"
      rainbow rollback spawn v6 --now --proxy-url http://127.0.0.1:18080
      rainbow rollback spawn --from-release v7 --all-clusters
    """
    return operate("rollback", values | {"release": release, "by": options.by}, app=app, **options.how)


@click.command()
@app_argument
@release_argument
@click.option("--allow-older", is_flag=True, help="also if it was overtaken, current before, or rolled back from")
@_reason
@_proxy
@operation.options
def switch(app: str, release: str, options: Options, **values: str | bool | None) -> int:
    """Switch to a RELEASE that has passed its tests, as the workflow of a release does by itself.

    \b
    Example:
      rainbow switch spawn v7 --allow-older
    """
    return operate("switch", values | {"release": release, "by": options.by}, app=app, **options.how)
