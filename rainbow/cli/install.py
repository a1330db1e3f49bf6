"""`rainbow install` and `rainbow render`: what releases need in a namespace, applied or printed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError

from rainbow.adapters.kube import RELEASE, Forbidden, Kind, Kube, NotThere, connect, identity
from rainbow.cli import arguments
from rainbow.errors import BadInput, PermanentError
from workflows.collect_garbage import as_left
from workflows.installation import installation
from workflows.settings import Settings

SETTINGS_ENV = "RAINBOW_SETTINGS"
_NAMESPACE = Kind("v1", "Namespace")

_namespace = click.option("-n", "--namespace", required=True, help="namespace of the app")
_settings = click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=lambda: os.environ.get(SETTINGS_ENV) or None,
    help=f"YAML file with the images and the registry to use  [default: ${SETTINGS_ENV}]",
)


@click.command()
@_namespace
@_settings
@click.option("--context", help="context of the kubeconfig")
def install(namespace: str, path: Path | None, context: str | None) -> None:
    """Install the Release resource, the workflow templates, and a ServiceAccount with a role for each step.

    Installing again brings everything up to date; running releases go on with what they began with. What belongs to
    the whole cluster, the Release resource above all, is left out, and named, where the rights do not reach that far.

    \b
    Example:
      eval "$(rainbow cluster env)"
      rainbow install --namespace spawn
    """
    objects = _objects(namespace, path)
    kube = connect(context=context)
    refused: list[str] = []
    hasty = replace(kube, attempts=2)  # for what may well be forbidden
    for obj in ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, *objects):
        what, of_the_namespace = f"{obj['kind']} {obj['metadata']['name']}", "namespace" in obj["metadata"]
        try:
            wanted = as_left(obj, kube.get(*identity(obj))) if obj["kind"] == "CronWorkflow" else obj
            (kube if of_the_namespace else hasty).apply(wanted)
        except NotThere as error:
            raise BadInput(f"{error}. Is Argo Workflows installed in this cluster?") from error
        except Forbidden:
            if of_the_namespace:
                raise
            refused.append(what)
            continue
        click.echo(f"applied {what}")
    if refused:
        click.echo(_left_to_others(kube, namespace, refused), err=True)
    click.echo(f"Namespace {namespace} is ready for: rainbow release -f rainbow.yaml")


def _left_to_others(kube: Kube, namespace: str, refused: list[str]) -> str:
    """What an administrator has to do. Raises BadInput when nothing works without."""
    said = (
        f"not applied, as your rights do not reach beyond namespace {namespace}: {', '.join(refused)}. An "
        f"administrator of the cluster brings them up to date: rainbow render --namespace {namespace} "
        "| kubectl apply --server-side -f -"
    )
    try:
        kube.path(RELEASE, namespace)
    except PermanentError as error:
        raise BadInput(f"{said}. Until then nothing can be released here: {error}") from error
    return said


@click.command()
@_namespace
@_settings
def render(namespace: str, path: Path | None) -> None:
    """Print what `install` would apply, as YAML, for GitOps or a look at the roles.

    Applying it resumes a garbage collection that somebody has suspended in the Argo UI, as the CronWorkflow is printed
    without regard to the one that is there; `install` leaves it suspended.
    """
    click.echo(yaml.safe_dump_all(_objects(namespace, path), sort_keys=False, width=120), nl=False)


def _objects(namespace: str, path: Path | None) -> list[dict[str, Any]]:
    namespace, settings = arguments.namespace(namespace), _read(path)
    try:
        return installation(namespace, settings)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read ca_bundle {settings.ca_bundle} of the settings {path}: {error}") from error


def _read(path: Path | None) -> Settings:
    if path is None:
        raise BadInput(
            f"no settings: give --settings FILE with step_image, builder_image and registry, or set {SETTINGS_ENV} "
            '(for the embedded cluster: eval "$(rainbow cluster env)")'
        )
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Settings.model_validate(data)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadInput(f"{path}: {wrong}") from error
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, or no such day
        raise BadInput(f"cannot read the settings {path}: {error}") from error
