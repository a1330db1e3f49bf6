"""Completion in the shell: commands, options and names, and nothing at all when something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete

from rainbow.cli import COMMANDS, cli, names
from rainbow.errors import TemporaryError
from rainbow.model.release import Phase
from steps import STEPS
from tests.cli.commands import everyone
from tests.cli.watchable import Watchable, served

ALL = dict(everyone())  # each is imported now, with the real `connect`: what is imported later would keep another one
RAINBOW = str(Path(sys.executable).parent / "rainbow")
KUBECONFIG = """
current-context: here
contexts:
- {name: here, context: {namespace: spawn}}
- {name: production, context: {namespace: spawn-live}}
"""


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watchable:
    """Two apps with releases, the first in the namespace of the context."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    made = served()
    monkeypatch.setattr("rainbow.adapters.kube.connect", lambda **_: made)
    made.released("v1", phase=Phase.DRAINING)
    made.released("v2", phase=Phase.CURRENT)
    made.released("w1", of="shop", namespace="shops")
    return made


def completed(*words: str) -> list[str]:
    """What the tab key gives after these words, the last of which is begun."""
    *before, begun = words
    found = ShellComplete(cli, {}, "rainbow", "_RAINBOW_COMPLETE").get_completions(list(before), begun)
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("rol",), ["rollback"]),
        (("collect-garbage", "--dry"), ["--dry-run"]),
        (("status", ""), ["spawn"]),
        (("status", "-n", "shops", ""), ["shop"]),
        (("-n", "shops", "status", ""), ["shop"]),
        (("hold", "spawn", ""), ["v1", "v2"]),
        (("hold", "spawn", "v2"), ["v2"]),
        (("hold", "shop", ""), []),
        (("rollback", "--now", "spawn", "v"), ["v1", "v2"]),
        (("switch", "spawn", ""), ["v1", "v2"]),
        (("redeploy", "spawn", ""), ["v1", "v2"]),
        (("follow", "-n", "shops", "shop", ""), ["w1"]),
        (("approve", "spawn", ""), ["v1", "v2"]),
        (("policy", "set", ""), ["spawn"]),
        (("status", "--context", ""), ["here", "production"]),
        (("release", "--context", "p"), ["production"]),
        (("--context", "p"), ["production"]),
        (("status", "-n", ""), ["shops", "spawn", "spawn-live"]),
        (("plan", "spa"), ["spawn"]),
        (("plan", "rollback", ""), ["spawn"]),
        (("plan", "rollback", "spawn", ""), ["v1", "v2"]),
        (("status", "-o", ""), ["table", "wide", "json", "yaml"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_names_are_completed(kube: Watchable, words: tuple[str, ...], found: list[str]) -> None:
    """As the cluster has them now, in the namespace that is meant."""
    assert completed(*words) == found


def test_commands_and_steps_are_completed() -> None:
    """Without asking anybody."""
    assert set(completed("")) == set(COMMANDS)
    assert completed("step", "") == list(STEPS)


def test_the_operations_of_a_plan_need_no_cluster(kube: Watchable) -> None:
    """They are the same everywhere."""
    kube.network.away = True
    assert completed("plan", "hol") == ["hold"]


WRONG: list[BaseException] = [
    TemporaryError("connection refused"),
    OSError("x"),
    ValueError("x"),
    KeyError("x"),
    TypeError(),
]


@pytest.mark.parametrize("error", WRONG, ids=repr)
@pytest.mark.parametrize(
    "words", [("status", ""), ("hold", "spawn", ""), ("status", "-n", ""), ("plan", "rollback", "")]
)
def test_whatever_goes_wrong_is_no_completion(
    kube: Watchable,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: Any,
    error: BaseException,
) -> None:
    """And not a word in the middle of somebody's command line."""

    def fail(**_: Any) -> Any:
        raise error

    monkeypatch.setattr("rainbow.adapters.kube.connect", fail)
    assert completed(*words) == []
    assert capfd.readouterr() == ("", "")


def test_who_may_not_list_the_cluster_gets_the_namespaces_of_the_contexts(kube: Watchable) -> None:
    """They are those where one has work."""
    kube.network.forbidden = "releases"
    assert completed("status", "-n", "") == ["spawn", "spawn-live"]


@pytest.mark.slow
def test_a_cluster_that_is_silent_is_given_up(tmp_path: Path) -> None:
    """Within two seconds or so, in the very process that the shell starts: an address that swallows everything."""
    config = "apiVersion: v1\nkind: Config\ncurrent-context: a\nusers: [{name: u, user: {}}]\n"
    config += "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
    config += 'clusters: [{name: c, cluster: {server: "https://192.0.2.1:6443"}}]\n'  # RFC 5737: nobody's
    (tmp_path / "kubeconfig").write_text(config)
    env = os.environ | {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    env |= {"COMP_WORDS": "rainbow status ", "COMP_CWORD": "2", "_RAINBOW_COMPLETE": "bash_complete"}
    begun = time.monotonic()
    answer = subprocess.run([RAINBOW], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stdout.strip(), answer.stderr) == (0, "", "")
    assert time.monotonic() - begun < 30  # on a busy machine; by itself it is two


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It can be sourced; its help says how it is switched on."""
    cli.main(["completion", shell], standalone_mode=False)
    script = capsys.readouterr().out
    assert "_RAINBOW_COMPLETE" in script
    if found := shutil.which(shell):
        assert subprocess.run([found, "-n"], input=script, text=True, check=False).returncode == 0
    command = cli.get_command(click.Context(cli), "completion")
    assert command is not None
    assert f"rainbow completion {shell}" in (command.help or "")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_with_it() -> None:
    """The whole way: the script is sourced, the function of the completion called, and what it offers printed."""
    script = (
        f"export PATH={Path(RAINBOW).parent}:$PATH; source <(rainbow completion bash); COMP_WORDS=(rainbow rol); "
        'COMP_CWORD=1; _rainbow_completion rainbow; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    answer = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert answer.stdout.split() == ["rollback"], answer.stderr


def test_patience_is_short() -> None:
    """Somebody waits with a finger on the key."""
    assert names.PATIENCE <= 2
    assert sum(names.REQUEST) <= names.PATIENCE
