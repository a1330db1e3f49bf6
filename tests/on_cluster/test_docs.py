"""Every command in the README and on the pages is run, as it stands there; pages about one app in one shell.

Which page is run where is told by tests/docs/pages.py. Only names are changed, so that several tests can run at once:
the namespace, and with it the host.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from demo.stage import clear
from spawn_app import Spawn

from rainbow.adapters.kube import Kube
from tests.docs.pages import ADDRESS_BOOK, CHECKOUT, HELLO, SPAWN, script

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900), pytest.mark.long]


def run(commands: str, names: Mapping[str, str]) -> str:
    """Run them in one shell, and end what they have started; what was said. Each name has to be there."""
    for found, ours in names.items():
        assert found in commands, f"{found} is not on the pages any more"
        commands = commands.replace(found, ours)
    # However it ends, what it left running would hold on to its output, and this would wait for that.
    ended = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
    shell = ["bash", "-e", "-u", "-o", "pipefail", "-m", "-c", ended + commands]
    answer = subprocess.run(shell, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=800)
    said = answer.stdout + answer.stderr
    assert answer.returncode == 0, said
    return said


def test_every_command_about_spawn_works(spawn: Spawn, tmp_path: Path) -> None:
    """The README, and the how-to pages that go on where it ends, while the older release is still there."""
    spawn.configure(lambda config: config.update(retention={"minimumAge": "1h"}))
    said = run(
        script(*SPAWN),
        {
            "--namespace spawn": f"--namespace {spawn.namespace}",
            "examples/spawn/rainbow.yaml": str(spawn.folder / "rainbow.yaml"),
            "spawn.localhost": f"{spawn.namespace}.localhost",
            "v1.spawn.spawn.preview.internal": f"v1.spawn.{spawn.namespace}.preview.internal",
            "/tmp/spawn-storage": str(tmp_path / "stored"),
            "/tmp/spawn.html": str(tmp_path / "spawn.html"),
            "NATS_URL=nats://127.0.0.1:14222": f"SPAWN_BUS={spawn.namespace} NATS_URL=nats://127.0.0.1:14222",
        },
    )
    assert "X-Release: v1" in said
    assert re.search(r"spawn-v2\s+Current\s+100%", said), said
    assert "v1: keep:" in said
    assert "<html" in (tmp_path / "spawn.html").read_text()
    assert said.rindex("X-Release: v1") > said.rindex("release v1 of spawn is current"), said


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder below the checkout's own name, as the tutorial begins with one."""
    yield tmp_path / "hello"
    shutil.rmtree(tmp_path / "hello", ignore_errors=True)


def test_the_tutorial_leads_to_an_app_of_ones_own(kube: Kube, namespace: str, folder: Path) -> None:
    """From an empty folder to two releases, the older of which ends its task before it goes."""
    said = run(
        script(*HELLO),
        {
            "--namespace hello": f"--namespace {namespace}",
            "hello.localhost": f"{namespace}.localhost",
            "hello/": f"{folder}/",
        },
    )
    clear(kube, namespace, wait=False)
    assert said.count("hello from v1") >= 2, "the task ends on the release that it began on, which the others left"
    assert "good day from v2" in said
    assert re.search(r"hello-v1\s+Deleted", said), said
    assert re.search(r"hello-v2\s+Current\s+100%", said), said


def test_every_command_about_the_address_book_works(kube: Kube, namespace: str, tmp_path: Path) -> None:
    """The README of the example, and the page about schema changes."""
    shutil.copytree(CHECKOUT / "examples" / "address-book", tmp_path / "address-book")
    for path in [*tmp_path.rglob("rainbow-*.yaml"), tmp_path / "address-book" / "deploy" / "ingress.yaml"]:
        text = path.read_text().replace("namespace: address-book", f"namespace: {namespace}")
        path.write_text(text.replace("address-book.localhost", f"{namespace}.localhost"))
    said = run(
        script(*ADDRESS_BOOK),
        {
            "kubectl create namespace address-book\n": "",  # it is there: the test's own
            "--namespace address-book": f"--namespace {namespace}",
            "-n address-book": f"-n {namespace}",
            "examples/address-book/rainbow-1.0.yaml": str(tmp_path / "address-book" / "rainbow-1.0.yaml"),
        },
    )
    clear(kube, namespace, wait=False)
    assert "release v1-0 of address-book is current" in said
    assert "has no contract" in said
