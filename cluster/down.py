"""Takes the cluster down and leaves the machine as it was.

Pods go first, through the container runtime, so that network plugins give back what they took. Then the processes,
each by its identity; then interface, tables, chains and cgroups, each by its name, unless a cluster of another home
has them now. With the last process goes the node's mount namespace with every mount in it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import psutil

from cluster import cgroups, lock, namespace, neighbours, network, node, preflight
from cluster.context import Context
from cluster.processes import Processes
from cluster.report import Report
from rainbow.errors import TemporaryError

GRACE_OF_PODS = 5
NODE = ("kubelet", "kube-proxy")
CONTROL_PLANE = ("kube-controller-manager", "kube-scheduler", "kube-apiserver")


def down(context: Context, report: Report, *, purge: bool = False) -> None:
    """Stop everything and remove what is left of it; with `purge` the state and the images too."""
    preflight.require_root()
    if not context.state.exists():
        report.line(f"there is no cluster in {context.home}")
        return
    with lock.alone(context, report):
        processes = Processes(context.run, context.logs)
        with report.task("stopping the node and its pods"):
            processes.stop(NODE)
            _stop_pods(context, processes, report)
            processes.stop(["containerd"])
            _stop_shims(context)
        with report.task("stopping the control plane"):
            # The API server would wait for every watch to end; what it knows is safe in etcd.
            processes.stop(CONTROL_PLANE, grace=3)
            processes.stop(["etcd"])
            processes.stop([namespace.HOLDER], grace=3)
        if other := neighbours.other_home(context):
            report.line(f"note: {other.problem}; its network, its cgroups and its directories stay")
        else:
            with report.task("removing what is left on the machine"):
                _clean(context)
        if purge:
            _purge(context, report)


def _stop_pods(context: Context, processes: Processes, report: Report) -> None:
    if not processes.find("containerd"):
        return
    command = (
        str(context.kubernetes),
        "stop-pods",
        f"--socket={context.containerd_socket}",
        f"--grace={GRACE_OF_PODS}",
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    report.line("  " + (done.stdout if done.returncode == 0 else done.stderr).strip().replace("\n", "\n  "))


def _stop_shims(context: Context) -> None:
    """End the watchers of containers that the runtime could not end, with all that runs below them."""
    for shim in list(namespace.shims(context)):
        try:
            family = [*shim.children(recursive=True), shim]
        except psutil.NoSuchProcess:
            continue
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, timeout=5)


def _clean(context: Context) -> None:
    network.down(context)
    stuck = cgroups.remove(node.CGROUP)
    if stuck:
        raise TemporaryError(f"processes are left in {', '.join(map(str, stuck))}; run `rainbow cluster down` again")
    _unmount(context)
    namespace.remove_made(context)
    namespace.begin_anew(context)
    context.containerd_socket.unlink(missing_ok=True)


def _purge(context: Context, report: Report) -> None:
    # Whatever is mounted in there would be emptied: it may be a person's own directory.
    if mounts := _mounts(context.state):
        raise TemporaryError(f"still mounted: {', '.join(map(str, mounts))}; unmount it and run this again")
    with report.task(f"removing {context.state}"):
        shutil.rmtree(context.state)
    report.line(f"the cache of builds stays in {context.cache}")


def _unmount(context: Context) -> None:
    """Unmount what buildah left, the innermost first; nothing else mounts outside the node's namespace."""
    for mount in reversed(_mounts(context.run, context.cache / "buildah")):
        subprocess.run(["umount", "--lazy", str(mount)], capture_output=True, timeout=30, check=False)


def _mounts(*directories: Path) -> list[Path]:
    """Return what is mounted below these directories (on one itself may be a disk of its own)."""
    words = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    # A space is written as \040.
    paths = [Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), word)) for word in words]
    return [path for path in paths if any(directory in path.parents for directory in directories)]
