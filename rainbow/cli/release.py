"""`rainbow release` and `rainbow follow`: submit the workflow of a release, and follow it to its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.submission import submit
from rainbow.adapters.workflows import newest_workflow
from rainbow.cli import arguments, names
from rainbow.cli.base import base_of
from rainbow.cli.ending import Target
from rainbow.cli.following import Until, follow_to_the_end
from rainbow.cli.lint import refuse_errors
from rainbow.cli.options import app_argument, app_options, cluster_options, file_option
from rainbow.cli.output import Form, emit, output_option
from rainbow.cli.over_clusters import only_clusters
from rainbow.errors import BadInput, TemporaryError
from rainbow.model.release import ReleaseSpec

until_option = click.option(
    "--wait",
    type=click.Choice([u.value for u in Until]),
    default=Until.LIVE.value,
    show_default=True,
    help="end when submitted, when the release is live, or when the workflow is done with the older releases",
)


@click.command()
@file_option
@click.option("--release", "release_id", help="id of the release  [default: the time in UTC]")
@click.option("--image", "images", multiple=True, metavar="[NAME=]REF", help="use this image; repeatable")
@click.option(
    "--source",
    metavar="DIR|URL#COMMIT[:PATH]",
    help="build the images that are not given from here  [default: the folder of the file]",
)
@only_clusters
@until_option
@output_option
@cluster_options
def release(
    path: Path,
    release_id: str | None,
    images: tuple[str, ...],
    source: str | None,
    clusters: tuple[str, ...],
    wait: str,
    output: Form,
    context: str | None,
) -> int:
    """Release an app: build, deploy beside all others, test, switch; older releases go when their work is done.

    Ctrl-C ends the following, never the release. A folder is packed without what git ignores; outside of git, without
    what .gitignore and .containerignore (else .dockerignore) name. Files called like keys or passwords (.env, id_rsa,
    .netrc and the like) are packed only when git tracks them.

    Where rainbow.yaml names several clusters the release goes to them wave after wave; the same command with the same
    --release, started again, goes on where it was.

    \b
    Examples:
      rainbow release -f rainbow.yaml --image registry.example/shop@sha256:…
      rainbow release -f rainbow.yaml --release v7 --source https://git.example/shop.git#<commit>
      rainbow release -f rainbow.yaml --wait drained --output json
      rainbow release -f rainbow.yaml --release v7 --cluster eu-1
    """
    chosen = arguments.release_id(release_id)
    app = read_config(path)
    if app.clusters is not None:
        if context is not None:
            raise BadInput(f"--context: {path} names its clusters and their contexts; for some of them: --cluster NAME")
        from rainbow.cli.everywhere import Asked, release_everywhere

        return release_everywhere(Asked(path, app, chosen, images, source, clusters, Until(wait), output))
    if clusters:
        raise BadInput(f"--cluster: {path} names no clusters")
    base = base_of(path, app)
    check_base(path, app, base)
    given = arguments.images(app, images)
    refuse_errors(path, app, base, given)
    built_from, archive = arguments.source(app, given, source, path.parent)
    spec = ReleaseSpec(release=chosen, app=app, manifests=base, images=given, source=built_from)
    kube = connect(context=context)
    submit(kube, spec, archive)
    return follow_release(kube, Target(app.namespace, app.app, spec.release), Until(wait), output)


@click.command()
@app_argument
@click.argument("release_id", metavar="RELEASE", shell_complete=names.releases)
@until_option
@output_option
@app_options
def follow(app: str, release_id: str, namespace: str, wait: str, output: Form, context: str | None) -> int:
    """Follow a release that was submitted before, for example after Ctrl-C.

    \b
    Example:
      rainbow follow spawn v7
    """
    app, release = arguments.app_name(app), arguments.release_id(release_id)
    kube = connect(context=context)
    target = Target(namespace, app, release)
    try:
        target = replace(target, begun_as=newest_workflow(kube, namespace, app, release))
    except TemporaryError:
        if Until(wait) is not Until.SUBMITTED:
            click.echo(f"To come back: {target.come_back}", err=True)
            raise
    return follow_release(kube, target, Until(wait), output)


def follow_release(kube: Kube, target: Target, until: Until, output: Form) -> int:
    """Follow it as far as is wanted; the exit code."""
    if until is Until.SUBMITTED:
        known = {"namespace": target.namespace, "app": target.app, "release": target.release}
        result = {**known, "workflow": target.workflow, "outcome": until.value, "follow": target.come_back}
        if output.for_programs:
            emit(output, result)
        else:
            click.echo(f"submitted; follow it with: {target.come_back}")
        return 0
    return follow_to_the_end(kube, target, until, output)
