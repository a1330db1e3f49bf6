"""`rainbow adopt`: what runs as plain Deployments behind the app's route becomes its first release."""

from __future__ import annotations

from pathlib import Path

import click

from rainbow.adapters.adopting import describe_adopted, known, would_be
from rainbow.adapters.config_file import check_base
from rainbow.adapters.kube import connect
from rainbow.adapters.submission import installed
from rainbow.adapters.world import World
from rainbow.cli import arguments
from rainbow.cli.base import base_of
from rainbow.cli.clusters import meant, one_cluster
from rainbow.cli.operate import operate
from rainbow.cli.options import cluster_options, file_option
from rainbow.model.release import new_record
from steps.adopt import plan, preview


@click.command()
@file_option
@click.option(
    "--release",
    "release_id",
    default="v0",
    show_default=True,
    help="id that it gets; the one that it gives to itself already, if it does",
)
@click.option(
    "--image", "images", multiple=True, metavar="[NAME=]REF", help="of an image that does not run; repeatable"
)
@click.option("--reason", help="why, for the record")
@click.option("--by", help="who, for the record  [default: the user of the kubeconfig]")
@click.option("--now", is_flag=True, help="run the step here, at once, instead of a workflow")
@click.option("--dry-run", is_flag=True, help="say what would be done, and why; change nothing")
@click.option("--wait/--no-wait", default=True, show_default=True, help="follow the workflow to its end")
@one_cluster
@cluster_options
def adopt(
    path: Path,
    release_id: str,
    images: tuple[str, ...],
    reason: str | None,
    by: str | None,
    now: bool,
    dry_run: bool,
    wait: bool,
    cluster: str | None,
    context: str | None,
) -> int:
    """Adopt what runs: plain Deployments behind the route become the first release, without restarting anything.

    The base of the file has to be the one that runs. Objects and running pods are labelled, selectors narrowed to these
    pods, Deployments paused. From then on the app is released, not applied. Run again, it goes on where it was cut off,
    and labels pods that were made since.

    \b
    Examples:
      rainbow adopt -f rainbow.yaml --dry-run
      rainbow adopt -f rainbow.yaml --release v0
    """
    chosen = arguments.release_id(release_id)
    app, context = meant(path, cluster, context)
    base = base_of(path, app)
    check_base(path, app, base)
    kube = connect(context=context)
    world = World.real(context=context)
    spec = describe_adopted(kube, app, chosen, base, arguments.images(app, images))
    there = known(kube, spec)
    adopted = there or would_be(spec, world.clock.now())
    if dry_run:
        preview(world, adopted)
        return 0
    if not now:
        installed(kube, app.namespace, "adopt")
    # Checked before anything is written, though the step checks it all again.
    plan(world, adopted)
    if there is None:
        kube.create(new_record(spec))
    values = {"release": chosen, "reason": reason, "by": by}
    return operate(
        "adopt", values, now=now, dry_run=False, namespace=app.namespace, app=app.app, context=context, follow=wait
    )
