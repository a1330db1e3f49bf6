"""Taking a cluster down touches nothing that is not its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import down, neighbours
from cluster.context import Context
from cluster.neighbours import Finding
from cluster.report import Report

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# Stands for the running cluster of another home: whatever the test does, this machine's own one stays as it is.
ELSEWHERE = Finding("this machine runs another cluster", "use that one")

PURGE_WITH_A_MOUNT = """
import subprocess, sys
from pathlib import Path
from cluster import down, neighbours
from cluster.context import Context
from cluster.neighbours import Finding
from cluster.report import Report

home = Path(sys.argv[1])
neighbours.other_home = lambda context: Finding("another", "use it")
context = Context(home=home, cache=home / "cache")
mounted = context.volumes / "a disk"
mounted.mkdir(parents=True)
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(mounted)], check=True)
(mounted / "precious").touch()
try:
    down.down(context, Report(), purge=True)
except Exception as error:
    print(error)
print((mounted / "precious").exists())
"""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A cluster that is down, on a machine where the one of another home runs."""
    monkeypatch.setattr(neighbours, "other_home", lambda context: ELSEWHERE)
    found = Context(home=tmp_path / "home", cache=tmp_path / "cache")
    (found.volumes / "registry").mkdir(parents=True)
    (found.cache / "go").mkdir(parents=True)
    return found


def test_a_cluster_of_another_home_keeps_its_network(context: Context) -> None:
    """Interface, tables and cgroups bear one name on the machine; they belong to the cluster that runs."""
    output = io.StringIO()

    down.down(context, Report(output))

    assert "this machine runs another cluster; its network" in output.getvalue()
    assert context.state.exists()


def test_purge_removes_the_state_and_keeps_the_cache(context: Context) -> None:
    """Builds are worth keeping; objects, volumes and certificates are what was asked to go."""
    down.down(context, Report(io.StringIO()), purge=True)

    assert not context.state.exists()
    assert (context.cache / "go").exists()


def test_purge_twice_is_no_failure(context: Context) -> None:
    """What is gone is gone."""
    down.down(context, Report(io.StringIO()), purge=True)
    down.down(context, Report(io.StringIO()), purge=True)


def test_purge_never_empties_what_is_mounted(tmp_path: Path) -> None:
    """A disk that somebody mounted into the state keeps its files, and is named."""
    command = ["unshare", "--mount", "--propagation=private", sys.executable, "-c", PURGE_WITH_A_MOUNT, str(tmp_path)]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)
    if "unshare failed" in done.stderr:
        pytest.skip("no mount namespace can be made here")

    complaint, kept = done.stdout.splitlines()
    assert f"still mounted: {tmp_path}/cluster/volumes/a disk" in complaint
    assert kept == "True"
