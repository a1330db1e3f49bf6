"""`rainbow render`: what `install` would apply, as YAML; whole, or the part that one person or tool looks after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from rainbow.cli import arguments
from rainbow.cli.settings_file import objects_of, read_settings, settings_option
from rainbow.errors import BadInput
from workflows.installation import of_ci, of_the_cluster

Object = dict[str, Any]

ONLY = ("cluster", "namespace", "ci")


@click.command()
@click.option("-n", "--namespace", metavar="NAME", help="namespace of the app; not needed with --only cluster")
@settings_option
@click.option(
    "--only",
    type=click.Choice(ONLY),
    help="cluster: what belongs to the whole cluster, once; namespace: the rest; ci: the account of a CI system, which "
    "nothing else contains",
)
def render(namespace: str | None, path: Path | None, only: str | None) -> None:
    """Print what `install` would apply, as YAML, for GitOps or a look at the roles.

    Applying it resumes a garbage collection that somebody has suspended in the Argo UI, as the CronWorkflow is printed
    without regard to the one that is there; `install` leaves it suspended.

    \b
    Examples:
      rainbow render --only cluster | kubectl apply --server-side --field-manager rainbow -f -
      rainbow render --namespace shop --settings settings.yaml > rainbow-install.yaml
      rainbow render --namespace shop --only ci
    """
    if namespace is None and only != "cluster":
        raise BadInput("--namespace: say which namespace this is for; only `--only cluster` is for all of them")
    where = arguments.namespace(namespace) if namespace is not None else ""
    parts: Mapping[str | None, Callable[[], list[Object]]] = {
        "cluster": of_the_cluster,
        "namespace": lambda: objects_of(where, read_settings(path), path),
        "ci": lambda: of_ci(where),
        None: lambda: [*of_the_cluster(), *objects_of(where, read_settings(path), path)],
    }
    click.echo(yaml.safe_dump_all(parts[only](), sort_keys=False, width=120), nl=False)
