"""`rainbow redeploy`: have a release again that was deleted."""

from __future__ import annotations

import click

from rainbow.adapters.kube import connect
from rainbow.adapters.person import who_asks
from rainbow.adapters.records import read_release
from rainbow.adapters.redeployment import submit_redeploy
from rainbow.cli import arguments, names
from rainbow.cli.ending import Target
from rainbow.cli.following import Until
from rainbow.cli.options import app_argument, app_options
from rainbow.cli.output import Form, output_option
from rainbow.cli.release import follow_release, until_option
from rainbow.cli.step import run_here
from rainbow.decisions.redeploy import Act, decide_redeploy
from rainbow.errors import Refused


@click.command()
@app_argument
@click.argument("release_id", metavar="RELEASE", shell_complete=names.releases)
@click.option("--allow-rejected", is_flag=True, help="also a release that was rolled back from")
@click.option("--reason", default="", help="why, for the record")
@click.option("--by", help="who, for the record  [default: the user of the kubeconfig]")
@click.option("--dry-run", is_flag=True, help="say what would be done, and why; change nothing")
@until_option
@output_option
@app_options
def redeploy(
    app: str,
    release_id: str,
    namespace: str,
    allow_rejected: bool,
    reason: str,
    by: str | None,
    dry_run: bool,
    wait: str,
    output: Form,
    context: str | None,
) -> int:
    """Have a RELEASE again that was deleted: deployed from its record, tested and switched to like a new one.

    A release that is still there is rolled back to instead: rainbow rollback.

    \b
    Example:
      rainbow redeploy spawn v5
    """
    app, chosen = arguments.app_name(app), arguments.release_id(release_id)
    if dry_run:
        values = {"namespace": namespace, "app": app, "release": chosen, "dry_run": "true"}
        run_here("redeploy", values | ({"allow_rejected": "true"} if allow_rejected else {}), context)
        return 0
    kube = connect(context=context)
    release = read_release(kube, namespace, app, chosen)
    decision = decide_redeploy(release, allow_rejected=allow_rejected)
    if decision.act is Act.REFUSE:
        raise Refused(f"release {chosen} of app {app} in namespace {namespace} is not redeployed: {decision.reason}")
    asked = {"by": by or who_asks(kube), "reason": reason, "allow-rejected": "true" if allow_rejected else ""}
    name = submit_redeploy(kube, release, asked, build=decision.build)
    return follow_release(kube, Target(namespace, app, chosen, name), Until(wait), output)
