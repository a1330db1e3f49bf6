"""Commands that pages name in their sentences, and those that no test runs, exist with the options that are named."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from docs.site.stage import CHECKOUT, FENCED
from rainbow.cli import cli
from tests.docs.pages import blocks, pages

# What a container of an app prints, in the manner of a command.
PRINTED = "rainbow progress "


def named(page: str) -> list[str]:
    """`rainbow …` in sentences and tables, and in blocks that are not run."""
    path = CHECKOUT / page
    inline = re.findall(r"`(rainbow [^`]+)`", FENCED.sub("", path.read_text()))
    shown = [line for b in blocks(path) if b.kind == "console" for line in b.text.splitlines()]
    commands = [" ".join(c.split()) for c in inline if not c.startswith(PRINTED)]
    return commands + [line[2:] for line in shown if line.startswith("$ rainbow ")]


def complaint(line: str) -> str | None:
    """What is wrong with it; None for nothing. Arguments may be placeholders."""
    words = shlex.split(line.replace("…", "")) if line.count("'") % 2 == 0 else line.split()
    command: click.Command = cli
    rest = words[1:]
    while isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            return f"there is no command {rest[0]}"
        command, rest = found, rest[1:]
    known = {"-h", "--help", *(o for p in command.params for o in (*p.opts, *p.secondary_opts))}
    wrong = [word for word in rest if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known]
    return f"{command.name} has no {', '.join(wrong)}" if wrong else None


@pytest.mark.parametrize("page", [str(path.relative_to(CHECKOUT)) for path in pages()])
def test_commands_exist_as_they_are_named(page: str) -> None:
    """With their options."""
    wrong = {line: why for line in named(page) if (why := complaint(line)) is not None}
    assert not wrong


def test_what_does_not_exist_is_noticed() -> None:
    """A command and an option that were renamed."""
    assert complaint("rainbow undo spawn") == "there is no command undo"
    assert complaint("rainbow policy put -n NS APP a=b") == "there is no command put"
    assert complaint("rainbow rollback -n NAMESPACE APP --at-once") == "rollback has no --at-once"
    assert complaint("rainbow rollback -n NAMESPACE APP --now") is None
