"""The cgroup that every pod is below, in whichever version of cgroups the host has.

Kubelet wants its root to exist; nothing outside it is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# What all pods together weigh against what else runs on this machine, as many single processes (version 1), or as many
# times another group (version 2). Left at one, a proxy on a busy machine hears seconds late of a pod that ends.
WEIGHT = 16
CONTROLLERS_V2 = "+cpu +cpuset +memory +pids"
NEEDED_V1 = ("cpu", "cpuset", "memory", "pids")
ALL_V1 = (
    *NEEDED_V1,
    *("blkio", "cpuacct", "devices", "freezer", "hugetlb", "net_cls", "perf_event", "systemd", "unified"),
)


def version(root: Path = ROOT) -> int:
    """Return 2 where the unified hierarchy is mounted as the only one, else 1."""
    return 2 if (root / "cgroup.controllers").exists() else 1


def missing(root: Path = ROOT) -> list[str]:
    """Return the controllers that pods need and the host does not offer."""
    if version(root) == 2:
        offered = (root / "cgroup.controllers").read_text(encoding="utf-8").split()
        return [name for name in NEEDED_V1 if name not in offered]
    return [name for name in NEEDED_V1 if not (root / name).is_dir()]


def create(name: str, root: Path = ROOT) -> None:
    """Make the cgroup with every controller that pods need, and the weight that they need beside other processes."""
    if version(root) == 2:
        (root / "cgroup.subtree_control").write_text(CONTROLLERS_V2, encoding="utf-8")
        (root / name).mkdir(exist_ok=True)
        (root / name / "cgroup.subtree_control").write_text(CONTROLLERS_V2, encoding="utf-8")
        (root / name / "cpu.weight").write_text(str(WEIGHT * 100), encoding="utf-8")
        return
    for controller in _hierarchies(root):
        group = controller / name
        group.mkdir(exist_ok=True)
        if controller.name.startswith("cpuset"):
            # A new cpuset of version 1 is empty and would take no process.
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((controller / file).read_text(encoding="utf-8"), encoding="utf-8")
    (root / "cpu" / name / "cpu.shares").write_text(str(WEIGHT * 1024), encoding="utf-8")


def remove(name: str, root: Path = ROOT, patience: float = 5.0) -> list[Path]:
    """Remove the cgroup and all below it; return what still holds a process after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        left = [group for hierarchy in _hierarchies(root) for group in _deepest_first(hierarchy / name)]
        stuck = [group for group in left if not _removed(group)]
        if not stuck or time.monotonic() > deadline:
            return stuck
        time.sleep(0.1)


def memory(name: str, root: Path = ROOT) -> int:
    """Return the bytes that the cgroup holds without what the kernel would give back (file cache)."""
    two = version(root) == 2
    group = root / name if two else root / "memory" / name
    try:
        used = int((group / ("memory.current" if two else "memory.usage_in_bytes")).read_text(encoding="utf-8"))
        statistics = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return 0
    files = ("active_file", "inactive_file") if two else ("total_active_file", "total_inactive_file")
    return max(0, used - sum(int(statistics.get(key, 0)) for key in files))


def _hierarchies(root: Path) -> list[Path]:
    if version(root) == 2:
        return [root]
    found = {path.resolve() for name in ALL_V1 if (path := root / name).is_dir()}
    return sorted(found)


def _deepest_first(group: Path) -> Iterator[Path]:
    if not group.is_dir():
        return
    for child in group.iterdir():
        if child.is_dir():
            yield from _deepest_first(child)
    yield group


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
