"""The cgroup of the pods, on directories that look like either version of cgroups."""

from __future__ import annotations

from pathlib import Path

from cluster import cgroups


def test_pods_weigh_more_than_one_process_of_the_host_in_version_1(tmp_path: Path) -> None:
    """1,024 shares is what a single process has, and what a new cgroup has for all pods together."""
    for controller in cgroups.NEEDED_V1:
        (tmp_path / controller).mkdir()
    for file in ("cpuset.cpus", "cpuset.mems"):
        (tmp_path / "cpuset" / file).write_text("0-1")
    cgroups.create("pods", tmp_path)
    assert (tmp_path / "cpu" / "pods" / "cpu.shares").read_text() == str(16 * 1024)
    assert (tmp_path / "cpuset" / "pods" / "cpuset.cpus").read_text() == "0-1"


def test_pods_weigh_more_than_other_groups_in_version_2(tmp_path: Path) -> None:
    """100 is what every other group has."""
    (tmp_path / "cgroup.controllers").write_text("cpu cpuset memory pids")
    cgroups.create("pods", tmp_path)
    assert (tmp_path / "pods" / "cpu.weight").read_text() == str(16 * 100)
