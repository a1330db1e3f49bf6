"""The settings file of an installation, and the objects that it makes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError

from rainbow.errors import BadInput
from workflows.installation import of_the_namespace
from workflows.settings import Settings

SETTINGS_ENV = "RAINBOW_SETTINGS"

settings_option = click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=lambda: os.environ.get(SETTINGS_ENV) or None,
    help=f"YAML file with the images and the registry to use  [default: ${SETTINGS_ENV}]",
)


def read_settings(path: Path | None) -> Settings:
    """Raises BadInput."""
    if path is None:
        raise BadInput(
            f"no settings: give --settings FILE with step_image, builder_image and registry, or set {SETTINGS_ENV} "
            '(for the embedded cluster: eval "$(rainbow cluster env)")'
        )
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Settings.model_validate(data)
    except ValidationError as error:
        # Without what was found there: it may be a password.
        found = error.errors(include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in found)
        raise BadInput(f"{path}: {wrong}") from error
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, or no such day
        raise BadInput(f"cannot read the settings {path}: {error}") from error


def objects_of(namespace: str, settings: Settings, path: Path | None) -> list[dict[str, Any]]:
    """What belongs into the namespace. Raises BadInput when the CA bundle cannot be read."""
    try:
        return of_the_namespace(namespace, settings)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read ca_bundle {settings.ca_bundle} of the settings {path}: {error}") from error


def secrets_of(settings: Settings) -> dict[str, str]:
    """The Secrets that have to be in the namespace, and what for."""
    named = dict.fromkeys(settings.image_pull_secrets, "image_pull_secrets")
    if settings.registry_secret:
        named[settings.registry_secret] = "registry_secret"
    if settings.proxy and settings.proxy.secret:
        named[settings.proxy.secret] = "proxy.secret"
    return named
