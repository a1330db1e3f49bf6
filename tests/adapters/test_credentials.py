"""Keys of a kubeconfig are on no disk once it is read, not even when the process is killed."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rainbow.adapters.kube import connect

WROTE = {
    "certificate-authority-data": "an authority",
    "client-certificate-data": "a certificate",
    "client-key-data": "a key",
}


def written(path: Path) -> Path:
    """A kubeconfig with all its certificates in it."""
    data = {key: base64.b64encode(text.encode()).decode() for key, text in WROTE.items()}
    path.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: c, user: u}}}}]
clusters:
- name: c
  cluster: {{server: "https://127.0.0.1:9", certificate-authority-data: {data["certificate-authority-data"]}}}
users:
- name: u
  user: {{client-certificate-data: {data["client-certificate-data"]}, client-key-data: {data["client-key-data"]}}}
"""
    )
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files of this process go."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(written(tmp_path / "kubeconfig")))
    return made


def test_nothing_is_left_on_disk(folder: Path) -> None:
    """And the client still finds the very same contents, as often as it asks."""
    for _ in range(2):
        found = connect().client.configuration
        for name, text in zip(("ssl_ca_cert", "cert_file", "key_file"), WROTE.values(), strict=True):
            for _ in range(2):
                assert Path(getattr(found, name)).read_text() == text
    assert list(folder.iterdir()) == []


def test_connecting_again_and_again_takes_no_more_descriptors(folder: Path) -> None:
    """A process that follows a release for hours asks for its credentials many times."""
    connect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        connect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_users_own_folder_in_memory_is_preferred(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the moment that it takes."""
    private = tmp_path / "run"
    private.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(private))
    used: list[str] = []
    made = tempfile.TemporaryDirectory
    monkeypatch.setattr(tempfile, "TemporaryDirectory", lambda **how: used.append(how["dir"]) or made(**how))  # type: ignore[func-returns-value]
    connect()
    assert used == [str(private)]
    assert list(private.iterdir()) == []


@pytest.mark.slow
def test_a_killed_process_leaves_no_key(tmp_path: Path) -> None:
    """kill -9, to which no process has an answer."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    env = os.environ | {"TMPDIR": str(folder), "KUBECONFIG": str(written(tmp_path / "kubeconfig"))}
    env.pop("XDG_RUNTIME_DIR", None)
    code = (
        "from rainbow.adapters.kube import connect; import time\n"
        "kube = connect(); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert list(folder.rglob("*")) == []
