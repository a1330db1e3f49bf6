"""`rainbow release` and `rainbow follow`: submit the workflow of a release, and follow it to its end."""

from __future__ import annotations

import json
from pathlib import Path

import click

from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.sources import render_base
from rainbow.adapters.submission import submit
from rainbow.adapters.workflows import newest_workflow
from rainbow.cli import arguments
from rainbow.cli.ending import Target
from rainbow.cli.following import Until, follow_to_the_end
from rainbow.cli.lint import refuse_errors
from rainbow.cli.options import file_option
from rainbow.model.release import ReleaseSpec

until_option = click.option(
    "--wait",
    type=click.Choice([u.value for u in Until]),
    default=Until.LIVE.value,
    show_default=True,
    help="end when submitted, when the release is live, or when the workflow is done with the older releases",
)
output_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="of the result"
)
context_option = click.option("--context", help="context of the kubeconfig")


@click.command()
@file_option
@click.option("--release", "release_id", help="id of the release  [default: the time in UTC]")
@click.option("--image", "images", multiple=True, metavar="[NAME=]REF", help="use this image; repeatable")
@click.option(
    "--source",
    metavar="DIR|URL#COMMIT[:PATH]",
    help="build the images that are not given from here  [default: the folder of the file]",
)
@until_option
@output_option
@context_option
def release(
    path: Path,
    release_id: str | None,
    images: tuple[str, ...],
    source: str | None,
    wait: str,
    output: str,
    context: str | None,
) -> int:
    """Release an app: build, deploy beside all others, test, switch; older releases go when their work is done.

    Ctrl-C ends the following, never the release. A folder is packed without what git ignores; outside of git, without
    what .gitignore and .containerignore (else .dockerignore) name. Files called like keys or passwords (.env, id_rsa,
    .netrc and the like) are packed only when git tracks them.

    \b
    Examples:
      rainbow release -f rainbow.yaml --image registry.example/shop@sha256:…
      rainbow release -f rainbow.yaml --release v7 --source https://git.example/shop.git#<commit>
      rainbow release -f rainbow.yaml --wait drained --output json
    """
    chosen = arguments.release_id(release_id)
    app = read_config(path)
    base = render_base(path.parent / app.manifests.kustomize)
    check_base(path, app, base)
    given = arguments.images(app, images)
    refuse_errors(path, app, base, given)
    built_from, archive = arguments.source(app, given, source, path.parent)
    spec = ReleaseSpec(release=chosen, app=app, manifests=base, images=given, source=built_from)
    kube = connect(context=context)
    submit(kube, spec, archive)
    return follow_release(kube, Target(app.namespace, app.app, spec.release), Until(wait), output)


@click.command()
@click.argument("app")
@click.argument("release_id", metavar="RELEASE")
@click.option("-n", "--namespace", required=True, help="namespace of the app")
@until_option
@output_option
@context_option
def follow(app: str, release_id: str, namespace: str, wait: str, output: str, context: str | None) -> int:
    """Follow a release that was submitted before, for example after Ctrl-C.

    \b
    Example:
      rainbow follow --namespace spawn spawn v7
    """
    namespace, app = arguments.namespace(namespace), arguments.app_name(app)
    release, kube = arguments.release_id(release_id), connect(context=context)
    target = Target(namespace, app, release, newest_workflow(kube, namespace, app, release))
    return follow_release(kube, target, Until(wait), output)


def follow_release(kube: Kube, target: Target, until: Until, output: str) -> int:
    """Follow it as far as is wanted; the exit code."""
    if until is Until.SUBMITTED:
        known = {"namespace": target.namespace, "app": target.app, "release": target.release}
        result = {**known, "workflow": target.workflow, "outcome": until.value, "follow": target.come_back}
        click.echo(
            json.dumps(result, indent=2) if output == "json" else f"submitted; follow it with: {target.come_back}"
        )
        return 0
    return follow_to_the_end(kube, target, until, as_json=output == "json")
