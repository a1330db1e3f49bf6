"""Every command of the command line, found as people find them: from group to group."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click

from rainbow.cli import cli

Path = tuple[str, ...]


def everyone() -> Iterator[tuple[Path, click.Command]]:
    """All commands and groups with the words that lead to them, the steps included."""
    return _below((), cli, click.Context(cli, info_name="rainbow"))


def _below(path: Path, command: click.Command, ctx: click.Context) -> Iterator[tuple[Path, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None, (path, name)
            yield from _below((*path, name), found, click.Context(found, ctx, info_name=name))


def named(path: Path) -> str:
    """As people call it."""
    return " ".join(("rainbow", *path))


def examples(command: click.Command) -> list[str]:
    """The lines below "Example:" or "Examples:" in its help that call the command."""
    _, found, block = (command.help or "").replace("Examples:", "Example:").partition("Example:")
    lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()] if found else []
    lines = [line.removeprefix('eval "$(').removesuffix(')"') for line in lines]
    return [line for line in lines if line.startswith("rainbow ")]


def parsed(line: str) -> Path:
    """The words of the command that an example calls; its options and arguments are parsed. Raises ClickException."""
    words = shlex.split(line.partition(" | ")[0].partition(" > ")[0])
    assert words[0] == "rainbow"
    command: click.Command = cli
    path: Path = ()
    ctx = cli.make_context("rainbow", words[1:])
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        assert found is not None, line
        assert name is not None, line
        path, command = (*path, name), found
        ctx = command.make_context(name, rest, parent=ctx)
    return path
