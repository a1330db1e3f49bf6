"""Which cluster and which namespace is meant: said before or behind the command, or taken from the kubeconfig."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import pytest

from rainbow.cli import cli, main
from rainbow.cli.options import app_options

KUBECONFIG = """
current-context: here
contexts:
- {name: here, context: {cluster: c, user: u, namespace: shop}}
- {name: there, context: {cluster: c, user: u, namespace: shop-live}}
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {}}]
"""
OTHER = KUBECONFIG.replace("namespace: shop}", "namespace: other}")


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """A command that writes down what it was told."""
    for name, text in (("one", KUBECONFIG), ("two", OTHER)):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "one"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.chdir(tmp_path)
    told: list[tuple[Any, ...]] = []

    @click.command(name="hold")
    @app_options
    def hear(namespace: str, context: str | None) -> None:
        told.append((context, namespace, Path(os.environ["KUBECONFIG"]).name))

    monkeypatch.setattr("rainbow.cli.hold.hold", hear)
    return told


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["hold"], (None, "shop", "one")),
        (["hold", "-n", "x"], (None, "x", "one")),
        (["hold", "--context", "there"], ("there", "shop-live", "one")),
        (["hold", "-n", "x", "--context", "there"], ("there", "x", "one")),
        (["hold", "--kubeconfig", "two"], (None, "other", "two")),
        (["hold", "--kubeconfig", "two", "--context", "there"], ("there", "shop-live", "two")),
        (["-n", "x", "hold"], (None, "x", "one")),
        (["--context", "there", "hold"], ("there", "shop-live", "one")),
        (["--kubeconfig", "two", "hold"], (None, "other", "two")),
        (["--context", "there", "-n", "x", "hold", "-n", "y"], ("there", "y", "one")),
        (["--kubeconfig", "one", "hold", "--kubeconfig", "two"], (None, "other", "two")),
    ],
)
def test_what_is_said_goes_before_what_is_found(
    heard: list[tuple[Any, ...]], words: list[str], meant: tuple[Any, ...]
) -> None:
    """And what is said last before what was said first, as with kubectl and argo."""
    before = os.environ["KUBECONFIG"]
    cli.main(words, standalone_mode=False)
    assert heard == [meant]
    assert os.environ["KUBECONFIG"] == before, "it holds for the one command"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-n", "x", "release"], "`rainbow release` takes no --namespace; the file says it."),
        (["-n", "x", "lint"], "`rainbow lint` takes no --namespace; the file says it."),
        (["--context", "there", "schema"], "`rainbow schema` takes no --context."),
        (["hold", "-n", "Bad_Name"], "--namespace: 'Bad_Name' cannot be a namespace"),
        (["-n", "", "hold"], "--namespace: '' cannot be a namespace"),
        (["hold", "--kubeconfig", "/"], "is a directory"),
    ],
)
def test_what_a_command_cannot_heed_is_not_dropped_in_silence(
    heard: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Whoever says a namespace means it."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert heard == []
