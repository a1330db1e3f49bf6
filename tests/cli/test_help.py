"""Help: every command has some, with examples that work as they stand, and options that mean the same everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from rainbow.cli import COMMANDS, cli
from rainbow.cli.output import Form
from tests.cli import commands
from tests.cli.commands import everyone, examples, named, parsed

ALL = dict(everyone())
LEAVES = {path: command for path, command in ALL.items() if not isinstance(command, click.Group)}
IDS = {path: named(path) for path in ALL}


@pytest.fixture(autouse=True)
def _kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with the contexts of the examples; nobody is asked anything."""
    (tmp_path / "kubeconfig").write_text("contexts: [{name: production, context: {namespace: shop}}]\n")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


@pytest.mark.parametrize("path", ALL, ids=IDS.get)
def test_every_command_says_what_it_is_for_and_gives_an_example(path: commands.Path) -> None:
    """Whoever reads `--help` wants to copy something."""
    command = ALL[path]
    assert (command.help or "").strip(), "it has no help"
    assert examples(command), f"`{named(path)} --help` has no example"


@pytest.mark.parametrize("path", ALL, ids=IDS.get)
def test_every_example_is_a_call_of_its_command(
    path: commands.Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are parsed as they stand: an option that was renamed is found here. Those of a group call what is in it."""
    monkeypatch.chdir(tmp_path)
    called = []
    for line in examples(ALL[path]):
        for word in line.split():  # files that have to be there to be named
            if word.endswith((".yaml", ".json")):
                (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / word).touch()
        called.append(parsed(line)[: len(path)])
    assert path in called, "there are only others"  # which may come first, to set something up


@pytest.mark.parametrize("path", ALL, ids=IDS.get)
def test_every_option_says_what_it_is(path: commands.Path) -> None:
    """In a few words."""
    silent = [p.opts[-1] for p in ALL[path].params if isinstance(p, click.Option) and not p.help and not p.hidden]
    assert silent == []


@pytest.mark.parametrize("path", ALL, ids=IDS.get)
def test_options_mean_the_same_everywhere(path: commands.Path) -> None:
    """-n is the namespace, -f the file, -o the output; who knows a context knows a kubeconfig, too."""
    options = {opt: p for p in ALL[path].params if isinstance(p, click.Option) for opt in p.opts}
    shapes = {
        "-n": {"--namespace", "--lines"},
        "-f": {"--file", "--follow"},
        "-o": {"--output"},
        "-A": {"--all-namespaces"},
    }
    for short, long in shapes.items():
        if short in options:
            assert long & set(options[short].opts), short
    assert ("--context" in options) == ("--kubeconfig" in options)


@pytest.mark.parametrize("path", [p for p in LEAVES if p[0] not in ("lint", "cluster")], ids=IDS.get)
def test_what_shows_something_shows_it_in_all_forms(path: commands.Path) -> None:
    """table, wide, json and yaml, as for kubectl."""
    found = next((p for p in LEAVES[path].params if "--output" in p.opts), None)
    if found is not None and isinstance(found.type, click.Choice):
        assert {str(choice) for choice in found.type.choices} == {form.value for form in Form}


@pytest.mark.parametrize("path", [p for p in LEAVES if p[0] not in ("step", "cluster")], ids=IDS.get)
def test_a_namespace_need_not_be_said(path: commands.Path) -> None:
    """It is that of the context. What a step is told stands in its workflow, word for word."""
    option = next((p for p in LEAVES[path].params if "--namespace" in p.opts), None)
    assert option is None or not option.required


def test_the_list_of_commands_is_that_of_the_help() -> None:
    """And each has a line of its own."""
    assert [path for path in ALL if len(path) == 1] == [(name,) for name in COMMANDS]
    assert all(line.endswith(".") for _, line in COMMANDS.values())


def test_the_exit_codes_stand_in_the_help() -> None:
    """In one place; CI depends on them (A2)."""
    text = " ".join((cli.help or "").split())
    assert (
        "Exit codes: 0 done; 1 failed; 2 wrong input, nothing was changed; 75 failed for now, try again; "
        "130 interrupted." in text
    )


@pytest.mark.slow
def test_help_is_quick_to_come() -> None:
    """It imports none of the commands, and no client of a cluster."""
    code = (
        "import sys; from rainbow.cli import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "print('LOADED', *sorted(m for m in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(answer.stdout.rsplit("LOADED", 1)[1].split())
    assert loaded.isdisjoint({"kubernetes", "rich", "pydantic", "yaml", "hera", "rainbow.cli.status", "steps.switch"})
