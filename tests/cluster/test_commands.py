"""The commands answer without a cluster, and say what to do."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cluster.commands import cluster
from cluster.report import Report
from rainbow.errors import BadInput


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that has no cluster."""
    monkeypatch.setenv("RAINBOW_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path


def call(*arguments: str) -> Result:
    """Call a command of the group."""
    return CliRunner().invoke(cluster, list(arguments))


@pytest.mark.usefixtures("home")
def test_env_without_a_cluster_names_the_command_that_makes_one() -> None:
    """Nothing is exported that is not there."""
    result = call("env")

    assert isinstance(result.exception, BadInput)
    assert "rainbow cluster up" in str(result.exception)


def test_env_prints_an_export(home: Path) -> None:
    """What it prints is for the shell."""
    (home / "cluster").mkdir()
    (home / "cluster/kubeconfig").touch()

    assert f"export KUBECONFIG={home}/cluster/kubeconfig" in call("env").output.splitlines()


@pytest.mark.usefixtures("home")
def test_status_of_nothing_fails() -> None:
    """A script can ask whether the cluster runs."""
    result = call("status", "--output", "json")

    assert result.exit_code == 1
    parts = json.loads(result.output)["parts"]
    assert {"part": "etcd", "state": "not running", "where": "-", "memory": None} in parts


def test_logs_of_an_unknown_part_lists_the_known_ones(home: Path) -> None:
    """Processes and pods are known by their logs."""
    (home / "cluster/logs/pods/platform_nats-0_uid/nats").mkdir(parents=True)
    (home / "cluster/logs/etcd.log").touch()

    result = call("logs", "nonsense")

    assert isinstance(result.exception, BadInput)
    assert "etcd, nats-0" in str(result.exception)


@pytest.mark.usefixtures("home")
def test_down_without_a_cluster_does_nothing() -> None:
    """Taking down what is not there is no failure (and asks for root before anything)."""
    result = call("down")

    assert result.exception is None or "root" in str(result.exception)


def test_a_long_task_says_how_far_it_is_where_no_bar_is_drawn() -> None:
    """A log of CI shows each tenth once, and how long it took."""
    output = io.StringIO()
    report = Report(output)

    with report.task("building") as task:
        task.update(total=20)
        for _ in range(20):
            task.advance()

    lines = output.getvalue().splitlines()
    assert len(lines) == 12
    assert "building: 20 of 20" in lines[-2]
    assert "✓ building" in lines[-1]


def test_a_failed_task_says_so() -> None:
    """Which of several tasks failed is seen without reading the error."""
    output = io.StringIO()

    with pytest.raises(BadInput), Report(output).task("building"):
        raise BadInput("no")

    assert "✗ building" in output.getvalue()
