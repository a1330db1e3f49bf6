"""The commands of docs/how-to/helm.md and docs/how-to/init.md are run as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rainbow.adapters.config_file import read_config
from tests.docs.pages import blocks

CHECKOUT = Path(__file__).resolve().parents[2]


def run(page: str, folder: Path, *programs: Path) -> str:
    """All commands of a page in one shell, with these programs at hand; what they said."""
    script = "\n".join(block.text for block in blocks(CHECKOUT / page) if block.kind == "sh")
    script = script.replace("/tmp/described", str(folder / "described"))
    path = os.pathsep.join(
        [*(str(program.parent) for program in (Path(sys.executable), *programs)), os.environ["PATH"]]
    )
    home = {"PATH": path, "HOME": str(folder)}
    shell = ["bash", "-e", "-u", "-o", "pipefail", "-c", script]
    done = subprocess.run(
        shell, cwd=folder, env=os.environ | home, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the first one compiles helm
def test_a_fresh_chart_is_described_and_checked(helm: Path, tmp_path: Path) -> None:
    """What `helm create` makes has four things to complete, and then no errors."""
    said = run("docs/how-to/helm.md", tmp_path, helm)
    assert "0 errors" in said
    assert "Deployment shop: pre-stop (shop/templates/deployment.yaml:" in said
    assert read_config(tmp_path / "rainbow.yaml").harden


@pytest.mark.slow
def test_spawn_is_described_and_checked(tmp_path: Path) -> None:
    """From its base, with the flags for what cannot be seen."""
    (tmp_path / "examples").symlink_to(CHECKOUT / "examples")
    said = run("docs/how-to/init.md", tmp_path)
    assert "0 errors, 0 warnings." in said
    assert read_config(tmp_path / "described" / "rainbow.yaml").app == "spawn"
