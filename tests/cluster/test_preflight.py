"""Each thing that is missing is one line that says what to do, and nothing else stops a start."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from cluster import cgroups, lock, neighbours, preflight
from cluster.context import Context, Ports
from cluster.processes import Processes


def context(directory: Path) -> Context:
    """A cluster in a directory of the test's own."""
    return Context(home=directory / "home", cache=directory / "cache")


def test_without_root_the_way_to_an_own_cluster_is_shown() -> None:
    """Who cannot be root learns about KUBECONFIG."""
    [finding] = preflight.system(1000, "Linux")

    assert "root" in finding.problem
    assert all(word in finding.remedy for word in ("kind", "k3d", "minikube", "KUBECONFIG"))


def test_another_system_than_linux_is_refused() -> None:
    """A Mac is told so before anything is tried."""
    [finding] = preflight.system(0, "Darwin")

    assert "Darwin" in finding.problem


def test_root_on_linux_is_fine() -> None:
    """Nothing to say is an empty list."""
    assert list(preflight.system(0, "Linux")) == []


def test_a_path_too_long_for_a_socket_is_found(tmp_path: Path) -> None:
    """The kernel would cut the path off and say nothing that helps."""
    long = replace(context(tmp_path), home=Path("/" + "x" * 120))

    [finding] = preflight.paths(long)

    assert "RAINBOW_HOME" in finding.remedy


def test_a_port_that_is_taken_names_its_holder(tmp_path: Path) -> None:
    """The holder's process number is what a person needs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ports = Ports(**dict.fromkeys(Ports.__dataclass_fields__, port))
        mine = replace(context(tmp_path), ports=ports)

        findings = list(neighbours.ports(mine, Processes(mine.run, mine.logs)))

    assert findings
    assert f"process {os.getpid()}" in str(findings[0])


def test_a_free_port_is_no_finding(tmp_path: Path) -> None:
    """A port that was let go is free."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    free = replace(context(tmp_path), ports=Ports(**dict.fromkeys(Ports.__dataclass_fields__, port)))

    assert list(neighbours.ports(free, Processes(free.run, free.logs))) == []


def test_too_little_disk_and_memory_are_two_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is looked for before any is reported."""
    monkeypatch.setattr(preflight, "DISK_NEEDED", 2**60)
    monkeypatch.setattr(preflight, "MEMORY_NEEDED", 2**60)

    findings = list(preflight.resources(context(tmp_path), running=False))

    assert {"GiB free" in str(finding) for finding in findings} == {True, False}


def test_a_running_cluster_needs_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has taken is not asked for again."""
    monkeypatch.setattr(preflight, "MEMORY_NEEDED", 2**60)

    assert list(preflight.resources(context(tmp_path), running=True)) == []


def test_a_missing_cgroup_controller_is_named(tmp_path: Path) -> None:
    """Version 2 lists its controllers in a file."""
    (tmp_path / "cgroup.controllers").write_text("cpu cpuset pids\n", encoding="utf-8")

    assert cgroups.version(tmp_path) == 2
    assert cgroups.missing(tmp_path) == ["memory"]


def test_version_one_of_cgroups_is_recognised(tmp_path: Path) -> None:
    """Version 1 has one directory for each controller."""
    for name in ("cpu", "memory", "pids"):
        (tmp_path / name).mkdir()

    assert cgroups.version(tmp_path) == 1
    assert cgroups.missing(tmp_path) == ["cpuset"]


def test_a_cgroup_is_removed_with_all_below_it(tmp_path: Path) -> None:
    """The deepest first, and nothing beside it."""
    for name in ("memory/rainbow/kubepods/pod1", "memory/other", "pids/rainbow"):
        (tmp_path / name).mkdir(parents=True)

    assert cgroups.remove("rainbow", tmp_path, patience=0) == []
    assert sorted(path.name for path in (tmp_path / "memory").iterdir()) == ["other"]


def test_the_owner_of_a_cluster_is_remembered(tmp_path: Path) -> None:
    """Another checkout can tell whose cluster it is."""
    mine = replace(context(tmp_path), checkout=Path("/first"))
    assert lock.owner(mine) is None

    lock.own(mine)

    assert lock.owner(replace(mine, checkout=Path("/second"))) == Path("/first")
