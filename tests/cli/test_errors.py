"""Errors of the surroundings, for every command that asks a cluster: what, where, why, and what to do next."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from emulated import Emulated
from tenacity import wait_none

from rainbow.adapters.kube import Forbidden
from rainbow.cli import main
from tests.cli.commands import everyone, named

ALL = dict(everyone())  # every command is imported, with its `connect`
# What each needs besides the cluster. A command that is new and asks a cluster has to be here.
CALLS = {
    ("status",): [],
    ("history",): [],
    ("approve",): ["shop", "v1"],
    ("follow",): ["shop", "v1"],
    ("rollback",): ["shop"],
    ("switch",): ["shop", "v1"],
    ("redeploy",): ["shop", "v1"],
    ("hold",): ["shop", "--reason", "why"],
    ("resume",): ["shop"],
    ("contract",): ["shop"],
    ("collect-garbage",): [],
    ("plan",): ["shop"],
    ("policy", "show"): ["shop"],
    ("policy", "set"): ["shop", "retention.keep=2"],
    ("probe",): ["http://127.0.0.1:9/", "-n", "shop", "--for", "1s"],
    ("report",): ["shop"],
}
# They read a file, or settings, first: tests of their own say what these may do wrong.
BY_FILE = {"release", "adopt", "prove", "init", "install", "uninstall", "render", "lint", "ci-kubeconfig"}
HERE = "current-context: here\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n"
HERE += 'clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]\nusers: [{name: u, user: {}}]\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig whose cluster is away, and no patience."""
    (tmp_path / "kubeconfig").write_text(HERE)
    (tmp_path / "none-current").write_text(HERE.replace("current-context: here\n", ""))
    (tmp_path / "malformed").write_text("contexts: [")
    (tmp_path / "no-mapping").write_text("just text\n")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rainbow.adapters.kube.wait_exponential_jitter", lambda **_: wait_none())


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    """The exit code and what was said on standard error, without a traceback and with nothing on standard output."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert said.out == ""
    return ended.value.code, said.err


AWAY: dict[str, tuple[list[str], int, list[str]]] = {
    "away": ([], 75, ["127.0.0.1", "port=9", "Connection refused", "Is the cluster up, and is it the right one?"]),
    "missing": (["--kubeconfig", "missing"], 2, ["there is no kubeconfig missing", "Set KUBECONFIG"]),
    "malformed": (["--kubeconfig", "malformed"], 2, ["the kubeconfig", "malformed is malformed"]),
    "no-mapping": (["--kubeconfig", "no-mapping"], 2, ["the kubeconfig", "no-mapping is malformed"]),
    "no-context": (
        ["--kubeconfig", "none-current"],
        2,
        ["none-current has no current context: say --context; there are: here"],
    ),
    "unknown-context": (
        ["--context", "nowhere"],
        2,
        ["--context nowhere: the kubeconfig", "no such context; there are: here"],
    ),
}
# A probe goes on while the cluster is away, which would only explain what happened.
ASKED = [(path, how) for path in CALLS for how in AWAY if (path, how) != (("probe",), "away")]


@pytest.mark.parametrize(("path", "how"), ASKED, ids=[f"{named(path)}-{how}" for path, how in ASKED])
def test_a_cluster_that_cannot_be_asked(capsys: pytest.CaptureFixture[str], path: tuple[str, ...], how: str) -> None:
    """The same from every command: which cluster it was, what is wrong, what to do; 75 when it may get better."""
    options, code, parts = AWAY[how]
    found, said = called(capsys, *path, *CALLS[path], *options)
    assert found == code, said
    for part in parts:
        assert part in said


def test_every_command_that_asks_a_cluster_is_among_them() -> None:
    """A new one is to be no worse."""
    asking = {
        path
        for path, command in ALL.items()
        if path
        and not isinstance(command, click.Group)
        and path[0] not in BY_FILE | {"step"}
        and any(p.name == "context" for p in command.params)
    }
    assert asking == set(CALLS)


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster in which one may do nothing at all."""

    def refuse(method: str, path: str) -> None:
        if path.count("/") > 3:  # which kinds there are, everybody may know
            raise Forbidden(f'{method} {path}: User "ann" cannot do this. You lack this right; ask for it')

    made = Emulated(None, attempts=1, called=refuse)
    for module in [module for module in sys.modules.values() if module.__name__.startswith("rainbow.")]:
        if hasattr(module, "connect") and module.__name__ != "rainbow.adapters.kube":
            monkeypatch.setattr(module, "connect", lambda **_: made)


@pytest.mark.parametrize("path", [path for path in CALLS if path != ("probe",)], ids=named)
def test_a_right_that_is_missing(capsys: pytest.CaptureFixture[str], forbidden: None, path: tuple[str, ...]) -> None:
    """Exit 1, who lacks which right; it is not taken for something that is not installed."""
    code, said = called(capsys, *path, *CALLS[path])
    assert code == 1, said
    assert "You lack this right; ask for it" in said
    assert "rainbow install" not in said
