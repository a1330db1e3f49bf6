"""`rainbow approve`: say yes or no to a release that waits before its switch."""

from __future__ import annotations

import click

from rainbow.adapters.events import tell
from rainbow.adapters.gate import NO, YES, Answer, answer_gate
from rainbow.adapters.kube import RELEASE, connect
from rainbow.adapters.person import who_asks
from rainbow.adapters.world import Clock
from rainbow.cli import arguments
from rainbow.cli.options import app_argument, app_options, release_argument
from rainbow.decisions.happenings import NORMAL, WARNING, Happening
from rainbow.model.names import record_name


@click.command()
@app_argument
@release_argument
@click.option("--reject", is_flag=True, help="say no: the release ends as failed, users stay where they are")
@click.option("--reason", default="", help="why, for the record")
@click.option("--by", help="who, for the record  [default: the user of the kubeconfig]")
@app_options
def approve(
    app: str, release: str, namespace: str, reject: bool, reason: str, by: str | None, context: str | None
) -> None:
    """Let a release go live whose app asks for approval (rainbow.yaml: approval), or --reject it.

    \b
    Examples:
      rainbow approve spawn v7 --reason "looked at its preview"
      rainbow approve spawn v7 --reject --reason "the new page is empty"
    """
    app, release = arguments.app_name(app), arguments.release_id(release)
    kube, now = connect(context=context), Clock().now()
    by = by or who_asks(kube)
    said = f"{'rejected' if reject else 'approved'} by {by}" + (f": {reason}" if reason else "")
    workflow = answer_gate(kube, namespace, app, release, Answer(NO if reject else YES, said, now))
    if record := kube.get(RELEASE, namespace, record_name(app, release)):
        happening = Happening(WARNING, "NotApproved", said) if reject else Happening(NORMAL, "Approved", said)
        tell(kube, RELEASE, record["metadata"], [happening], now)
    click.echo(f"release {release} of {app} is {said}; workflow {workflow} goes on")
