"""The page of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from docs.site.markdown import block, code, table, text
from rainbow.cli import COMMANDS, cli

ELSEWHERE = {
    "step": "Each [step](steps.md) is a command of its own: `rainbow step NAME`, with its parameters as flags."
}


def page() -> str:
    """Every command with its arguments, options and examples."""
    context = click.Context(cli, info_name="rainbow")
    parts = [
        "# Command line\n",
        "Each command tells the same with `--help`. [Exit codes](exit-codes.md) are the same for all.\n",
    ]
    rows = [[f"[{name}](#rainbow-{name})", text(line)] for name, (_, line) in COMMANDS.items()]
    parts.append(table(["command", "what it does"], rows))
    for name in COMMANDS:
        command = _known(cli, context, name)
        parts += [*_command(command, click.Context(command, info_name=name, parent=context), ELSEWHERE.get(name), 2)]
    return "\n".join(parts)


def _command(command: click.Command, context: click.Context, elsewhere: str | None, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n"
    yield block("text", " ".join([context.command_path, *command.collect_usage_pieces(context)]))
    yield from _help(command.help or "")
    if elsewhere:
        yield elsewhere + "\n"
    options = [_option(p, context) for p in command.params if isinstance(p, click.Option) and not p.hidden]
    if options:
        yield table(["option", "meaning", "default"], options)
    if isinstance(command, click.Group) and not elsewhere:
        for name in command.list_commands(context):
            below = _known(command, context, name)
            yield from _command(below, click.Context(below, info_name=name, parent=context), None, level + 1)


def _known(group: click.Group, context: click.Context, name: str) -> click.Command:
    """Raises LookupError for a command that is listed and not there."""
    if (command := group.get_command(context, name)) is None:
        raise LookupError(f"{context.command_path} {name} is listed, and not there")
    return command


def _help(written: str) -> Iterator[str]:
    """Paragraphs; what click is told not to wrap stands as it is."""
    for part in inspect.cleandoc(written).split("\n\n"):
        if not part.startswith("\b"):
            yield text(part) + "\n"
            continue
        lines = part.split("\n")[1:]
        if lines and lines[0].rstrip(":") in ("Example", "Examples"):
            yield f"{lines[0]}\n"
            lines = lines[1:]
        yield block("text", inspect.cleandoc("\n".join(lines)))


def _option(option: click.Option, context: click.Context) -> list[str]:
    record = option.get_help_record(context)
    names, told = record if record else (", ".join(option.opts), option.help or "")
    told, default = _without_default(told)
    return [code(names), text(told), code(default)]


def _without_default(told: str) -> tuple[str, str]:
    head, found, rest = told.rpartition("[default: ")
    return (head.strip(), rest.split("]")[0]) if found else (told, "")
