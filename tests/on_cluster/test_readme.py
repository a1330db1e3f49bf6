"""Every command in the README is run, as it stands there, in one shell from top to bottom."""

import re
import subprocess
from pathlib import Path

import pytest
from spawn_app import Spawn

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.M | re.S)
# The two that a test cannot run within itself: the demo has a test of its own, and this is a part of `make test`.
ELSEWHERE = {"make demo", "make test"}


@pytest.mark.long
def test_every_command_works(spawn: Spawn, tmp_path: Path) -> None:
    """The namespace, and with it the host, is the test's own; all else is the text of the README."""
    script = "\n".join(body for kind, body in BLOCKS if kind == "sh")
    lines = [line for line in script.splitlines() if line not in ELSEWHERE]
    assert len(lines) < len(script.splitlines()), "the two commands are not in the README any more"
    text = "\n".join(lines)
    for found, ours in (
        ("--namespace spawn", f"--namespace {spawn.namespace}"),
        ("examples/spawn/rainbow.yaml", str(spawn.folder / "rainbow.yaml")),
        ("spawn.localhost", f"{spawn.namespace}.localhost"),
        ("/tmp/spawn-storage", str(tmp_path / "stored")),
        ("NATS_URL=nats://127.0.0.1:14222", f"SPAWN_BUS={spawn.namespace} NATS_URL=nats://127.0.0.1:14222"),
    ):
        assert found in text, f"{found} is not in the README any more"
        text = text.replace(found, ours)
    ended = "\nkill %1\n"  # the storage worker that the reader has started
    shell = ["bash", "-e", "-u", "-o", "pipefail", "-m", "-c", text + ended]
    answer = subprocess.run(shell, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=800)
    said = answer.stdout + answer.stderr
    assert answer.returncode == 0, said
    assert "X-Release: v1" in said
    assert re.search(r"spawn-v2\s+Current\s+100%", said), said
    assert "switch of spawn to v1 would refuse" in said
    assert "v1: keep:" in said
    assert said.rindex("X-Release: v1") > said.rindex("release v1 of spawn is current"), said


def test_every_file_that_it_names_exists() -> None:
    """Links and folders lead somewhere."""
    links = re.findall(r"\]\(((?!http|#)[^)]+)\)", README) + re.findall(r"^\| `([\w/]+/)` \|", README, flags=re.M)
    assert links
    for link in links:
        assert (CHECKOUT / link).exists(), link


def test_the_settings_that_it_shows_are_valid(tmp_path: Path) -> None:
    """The YAML is what `install` and `render` read."""
    (settings,) = [body for kind, body in BLOCKS if kind == "yaml"]
    (tmp_path / "ca.crt").write_text("certificates")
    path = tmp_path / "settings.yaml"
    path.write_text(settings.replace("/path/to/company-ca.crt", str(tmp_path / "ca.crt")))
    rainbow = CHECKOUT / ".venv" / "bin" / "rainbow"
    command = [str(rainbow), "render", "--namespace", "shop", "--settings", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "registry.example/rainbow/step:1" in answer.stdout
