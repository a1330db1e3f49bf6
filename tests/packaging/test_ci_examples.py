"""The examples for CI systems: as their schemas want them, and both run the scripts that are tested on the cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "ci"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "file"), [("github-workflows", "github/release.yml"), ("gitlab-ci", "gitlab/.gitlab-ci.yml")]
)
def test_it_keeps_to_the_schema_of_its_system(schema: str, file: str, tmp_path: Path) -> None:
    """And the check finds a key that does not exist."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    good = subprocess.run([*command, EXAMPLES / file], capture_output=True, text=True, check=False, timeout=60)
    assert good.returncode == 0, good.stdout + good.stderr
    broken = tmp_path / "broken.yml"
    broken.write_text((EXAMPLES / file).read_text() + "\n  runs_on: nowhere\n")
    bad = subprocess.run([*command, broken], capture_output=True, text=True, check=False, timeout=60)
    assert bad.returncode != 0, bad.stdout


@pytest.mark.parametrize("script", ["plan.sh rainbow.yaml > plan.md", "release.sh rainbow.yaml"])
@pytest.mark.parametrize("file", ["github/release.yml", "gitlab/.gitlab-ci.yml"])
def test_each_system_runs_the_same_scripts(file: str, script: str) -> None:
    """So what is tested of them on the cluster is what CI does."""
    assert f"sh ci/{script}\n" in (EXAMPLES / file).read_text()
    assert (EXAMPLES / script.split(maxsplit=1)[0]).exists()
