"""`rainbow release` and `rainbow follow`: submit the workflow of a release, and follow it to its end."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.sources import pack, render_base
from rainbow.adapters.submission import submit
from rainbow.cli.following import Target, Until, follow_to_the_end
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from rainbow.model.names import ReleaseId
from rainbow.model.release import GitSource, ReleaseSpec, Source

_GIT = re.compile(r"^(?P<url>[^#]+)#(?P<commit>[0-9a-f]{40})(?::(?P<path>[^:]+))?$")

_until = click.option(
    "--wait",
    type=click.Choice([u.value for u in Until]),
    default=Until.LIVE.value,
    show_default=True,
    help="end when submitted, when the release is live, or when the older releases are drained and deleted",
)
_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="of the result"
)
_context = click.option("--context", help="context of the kubeconfig")


@click.command()
@click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("rainbow.yaml"),
    show_default=True,
    help="the app",
)
@click.option("--release", "release_id", help="id of the release  [default: the time in UTC]")
@click.option("--image", "images", multiple=True, metavar="[NAME=]REF", help="use this image; repeatable")
@click.option(
    "--source",
    metavar="DIR|URL#COMMIT[:PATH]",
    help="build the images that are not given from here  [default: the folder of the file]",
)
@_until
@_output
@_context
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

    Ctrl-C ends the following, never the release.

    \b
    Examples:
      rainbow release -f rainbow.yaml --image registry.example/shop@sha256:…
      rainbow release -f rainbow.yaml --release v7 --source https://git.example/shop.git#<commit>
      rainbow release -f rainbow.yaml --wait drained --output json
    """
    app = read_config(path)
    base = render_base(path.parent / app.manifests.kustomize)
    check_base(path, app, base)
    given = _images(app, images)
    built_from, archive = _source(app, given, source, path.parent)
    spec = ReleaseSpec(release=_release_id(release_id), app=app, manifests=base, images=given, source=built_from)
    kube = connect(context=context)
    submit(kube, spec, archive)
    return _follow(kube, Target(app.namespace, app.app, spec.release), Until(wait), output)


@click.command()
@click.argument("app")
@click.argument("release_id", metavar="RELEASE")
@click.option("-n", "--namespace", required=True, help="namespace of the app")
@_until
@_output
@_context
def follow(app: str, release_id: str, namespace: str, wait: str, output: str, context: str | None) -> int:
    """Follow a release that was submitted before, for example after Ctrl-C.

    \b
    Example:
      rainbow follow --namespace spawn spawn v7
    """
    return _follow(connect(context=context), Target(namespace, app, release_id), Until(wait), output)


def _follow(kube: Kube, target: Target, until: Until, output: str) -> int:
    if until is Until.SUBMITTED:
        click.echo(f"submitted; follow it with: {target.come_back}")
        return 0
    return follow_to_the_end(kube, target, until, as_json=output == "json")


def _release_id(given: str | None) -> str:
    value = given or datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    try:
        checked: str = TypeAdapter(ReleaseId).validate_python(value)
    except ValidationError as error:
        raise BadInput(f"--release: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    return checked


def _images(app: AppConfig, given: tuple[str, ...]) -> dict[str, str]:
    images: dict[str, str] = {}
    for text in given:
        name, equals, ref = text.partition("=")
        if not equals:
            if len(app.images) != 1:
                raise BadInput(f"--image {text}: say which image this is, as NAME={text}; {_known(app)}")
            name, ref = next(iter(app.images)), text
        if name not in app.images:
            raise BadInput(f"--image {text}: rainbow.yaml has no image {name}; {_known(app)}")
        if not ref:
            raise BadInput(f"--image {text}: the reference after {name}= is empty")
        images[name] = ref
    return images


def _known(app: AppConfig) -> str:
    return f"its images are: {', '.join(app.images) or 'none'}"


def _source(
    app: AppConfig, given: dict[str, str], source: str | None, folder: Path
) -> tuple[Source | None, bytes | None]:
    """Where to build from, and the packed folder when it is a folder; neither when every image is given."""
    if set(app.images) <= set(given):
        if source is not None:
            raise BadInput("--source: every image is given by --image, there is nothing to build")
        return None, None
    git = _GIT.match(source) if source else None
    if git:
        return Source(git=GitSource(url=git["url"], commit=git["commit"], path=git["path"] or ".")), None
    directory = Path(source) if source else folder
    if not directory.is_dir():
        raise BadInput(f"--source {source}: neither a folder nor URL#COMMIT with a full commit hash of 40 characters")
    return None, pack(directory)
