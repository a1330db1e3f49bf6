"""`rainbow schema`: the JSON Schema of rainbow.yaml, for editors and CI."""

from __future__ import annotations

import json

import click

from rainbow.model.app import AppConfig


@click.command()
def schema() -> None:
    """Print the JSON Schema of rainbow.yaml.

    \b
    Example:
      rainbow schema > rainbow.schema.json
    """
    click.echo(json.dumps(AppConfig.model_json_schema(by_alias=True), indent=2))
