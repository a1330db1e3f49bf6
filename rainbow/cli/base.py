"""The app's manifests as commands read them: what of a chart is left out is said on standard error."""

from __future__ import annotations

from pathlib import Path

import click

from rainbow.adapters.manifests import read_base
from rainbow.model.app import AppConfig


def base_of(path: Path, app: AppConfig) -> str:
    """The rendered base of the app that the file describes. Raises BadInput."""
    return read_base(path, app, lambda line: click.echo(line, err=True))
