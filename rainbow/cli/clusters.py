"""The clusters of rainbow.yaml for all commands: which of them are meant, and how each is reached."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from rainbow.adapters.config_file import read_config
from rainbow.adapters.kube import connect
from rainbow.adapters.regions import Place
from rainbow.decisions.regional import in_cluster
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig

one_cluster = click.option(
    "--cluster", metavar="NAME", help="which of the file's `clusters` is meant, where it names several"
)


def places(path: Path, only: Sequence[str] = ()) -> list[Place]:
    """The clusters of the file in the order of their waves, or those of them that are named. None is asked yet.

    Raises BadInput when the file names none, or not these, or the kubeconfig has no such context.
    """
    return places_of(path, read_config(path), only)


def places_of(path: Path, app: AppConfig, only: Sequence[str] = ()) -> list[Place]:
    """The same for a file that is read already."""
    if app.clusters is None:
        raise BadInput(f"{path} names no clusters; give `clusters` in it, or leave --cluster and --all-clusters out")
    if unknown := [name for name in only if name not in app.clusters.names]:
        raise BadInput(
            f"--cluster {unknown[0]}: {path} has no such cluster; there are: {', '.join(app.clusters.names)}"
        )
    return [_place(app, name) for name in app.clusters.names if not only or name in only]


def _place(app: AppConfig, name: str) -> Place:
    assert app.clusters is not None  # noqa: S101 - the caller has seen to it
    context = app.clusters.context(name)
    try:
        kube = connect(context=context)
    except BadInput as error:
        raise BadInput(f"cluster {name}: {error}") from error
    return Place(name, context, kube, in_cluster(app, name))


def meant(path: Path, cluster: str | None, context: str | None) -> tuple[AppConfig, str | None]:
    """The app as it is where a command is to work, and the context that leads there. Raises BadInput."""
    app = read_config(path)
    if app.clusters is None:
        if cluster is not None:
            raise BadInput(f"--cluster: {path} names no clusters")
        return app, context
    there = ", ".join(app.clusters.names)
    if cluster is None:
        raise BadInput(f"{path} names several clusters; say which one is meant: --cluster NAME; there are: {there}")
    if cluster not in app.clusters.names:
        raise BadInput(f"--cluster {cluster}: {path} has no such cluster; there are: {there}")
    if context is not None:
        raise BadInput(f"--context: {path} says the context of each cluster; leave it out")
    return in_cluster(app, cluster), app.clusters.context(cluster)
