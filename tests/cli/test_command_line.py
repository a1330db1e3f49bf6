"""The command `rainbow` as people and pods call it: help, exit codes, and errors that name the next action."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rainbow.cli import COMMANDS
from steps import STEPS

RAINBOW = str(Path(sys.executable).parent / "rainbow")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as a process of its own, with no cluster to talk to."""
    env = os.environ | {"KUBECONFIG": "/nonexistent", "COLUMNS": "200"} | environment
    return subprocess.run([RAINBOW, *arguments], capture_output=True, text=True, env=env, check=False, timeout=60)


def test_help_lists_every_command() -> None:
    """What is not listed does not exist for its users."""
    answer = run("--help")
    assert answer.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in answer.stdout


@pytest.mark.parametrize("step", STEPS)
def test_every_step_runs_by_hand(step: str) -> None:
    """Each step has a command with its flags, --dry-run among them."""
    answer = run("step", step, "--help")
    assert answer.returncode == 0, answer.stderr
    for flag in ("--namespace", "--app", "--release", "--dry-run"):
        assert flag in answer.stdout


def test_a_wrong_parameter_is_a_usage_error_that_names_it() -> None:
    """Exit 2, the flag, what was found and what is expected; nothing was asked of any cluster."""
    answer = run("step", "switch", "--namespace", "shop", "--app", "shop", "--release", "V 1")
    assert answer.returncode == 2
    assert "--release: 'V 1' cannot be a release id: it needs 1 to 20 characters" in answer.stderr


def test_a_missing_parameter_is_a_usage_error() -> None:
    """Click's own exit code for it is the one of the design."""
    assert run("step", "switch", "--app", "shop").returncode == 2


def test_an_unknown_command_is_a_usage_error() -> None:
    """And it is named."""
    answer = run("relaese")
    assert answer.returncode == 2
    assert "relaese" in answer.stderr


def test_without_a_cluster_the_error_says_how_to_get_one() -> None:
    """The next action stands in the message."""
    answer = run("step", "switch", "--namespace", "shop", "--app", "shop", "--release", "v1")
    assert answer.returncode == 2
    assert "Set KUBECONFIG, or start the embedded one: rainbow cluster up" in answer.stderr


def test_install_without_settings_says_where_they_come_from() -> None:
    """An installation needs to know its images."""
    answer = run("install", "--namespace", "shop", RAINBOW_SETTINGS="")
    assert answer.returncode == 2
    assert "rainbow cluster env" in answer.stderr


def test_settings_with_a_mistake_are_refused_by_name(tmp_path: Path) -> None:
    """A misspelt key is not dropped in silence."""
    path = tmp_path / "settings.yaml"
    path.write_text("step_image: a\nbuilder_image: b\nregistery: c\n")
    answer = run("render", "--namespace", "shop", "--settings", str(path))
    assert answer.returncode == 2
    assert "registery" in answer.stderr
    assert "registry: Field required" in answer.stderr


def test_the_schema_is_json_and_describes_the_app() -> None:
    """Editors read it."""
    schema = json.loads(run("schema").stdout)
    assert schema["required"] == ["app", "namespace", "manifests", "route", "drain"]


def test_starting_a_step_imports_nothing_that_only_people_need() -> None:
    """Hera, rich and the YAML reader for people are not in the step image; and starting is to be cheap."""
    code = (
        "import sys; from rainbow.cli import cli\n"
        "for step in sys.argv[1:]: cli.main(['step', step, '--help'], standalone_mode=False)\n"
        "print('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", code, *STEPS], capture_output=True, text=True, check=True)
    loaded = set(answer.stdout.rsplit("LOADED", 1)[1].split())
    assert loaded.isdisjoint({"hera", "rich", "ruamel", "cluster", "workflows", "kubernetes", "prometheus_api_client"})
