"""Options that several commands have, so that they are called alike everywhere."""

from __future__ import annotations

from pathlib import Path

import click

file_option = click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("rainbow.yaml"),
    show_default=True,
    help="the app",
)
