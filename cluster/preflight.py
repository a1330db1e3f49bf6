"""What has to be true of a machine before anything is done to it.

Each finding is one line: what is missing, and what to do. All are looked for before any is reported, so that nobody
has to start five times.
"""

from __future__ import annotations

import gzip
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from cluster import cgroups, neighbours
from cluster.context import Context
from cluster.neighbours import Finding
from cluster.processes import Processes
from cluster.report import Report
from rainbow.errors import PermanentError

DISK_NEEDED = 12 * 2**30
MEMORY_NEEDED = 3 * 2**30
KERNEL_NEEDED = (5, 13)  # kube-proxy's nftables mode
SOCKET_PATH_LIMIT = 107
OWN_CLUSTER = (
    "Without root (or on macOS and Windows), use a cluster of your own: create one with kind, k3d or minikube, install"
    " Argo Workflows, an ingress controller and Prometheus in it, set KUBECONFIG to its file, and run `rainbow install`"
)


def check(context: Context, processes: Processes, report: Report) -> None:
    """Look for everything; raise with one line for each thing that stands in the way."""
    findings = list(system(os.geteuid(), platform.system()))
    if not findings:
        findings = [
            *paths(context),
            *kernel(),
            *neighbours.foreign(),
            *resources(context, running=bool(processes.find("etcd"))),
        ]
        other = neighbours.other_home(context)
        findings += (
            [other] if other else [*neighbours.ports(context, processes), *neighbours.belongs(context, processes)]
        )
    for finding in findings:
        if finding.warning:
            report.line(f"note: {finding}")
    stop = [finding for finding in findings if not finding.warning]
    if stop:
        lines = "\n".join(f"  - {finding}" for finding in stop)
        raise PermanentError(f"the embedded cluster cannot start here:\n{lines}")


def require_root() -> None:
    """Raise unless this is root on Linux."""
    for finding in system(os.geteuid(), platform.system()):
        raise PermanentError(str(finding))


def system(user: int, name: str) -> Iterator[Finding]:
    """Linux, and root."""
    if name != "Linux":
        yield Finding(f"this is {name}, not Linux", OWN_CLUSTER)
    elif user != 0:
        yield Finding("this needs root", f"run it with sudo. {OWN_CLUSTER}")


def paths(context: Context) -> Iterator[Finding]:
    """Sockets have a longest path."""
    longest = len(str(context.containerd_socket)) + len(".ttrpc")
    if longest > SOCKET_PATH_LIMIT:
        yield Finding(
            f"the state directory's path {context.home} is too long for a socket in it",
            f"set RAINBOW_HOME to a path that is {longest - SOCKET_PATH_LIMIT} characters shorter",
        )


def kernel(proc: Path = Path("/proc"), root: Path = cgroups.ROOT) -> Iterator[Finding]:
    """Kernel version and features."""
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    if numbers < KERNEL_NEEDED:
        yield Finding(f"kernel {release} is too old", "kube-proxy's nftables mode needs 5.13 or newer")
    if "overlay" not in (proc / "filesystems").read_text(encoding="utf-8") and not _module("overlay"):
        yield Finding("the kernel has no overlay file system", "load it: modprobe overlay")
    for module in ("veth", "bridge", "nf_tables"):
        if not _module(module):
            yield Finding(f"the kernel has no {module}", f"load it: modprobe {module}")
    for name in cgroups.missing(root):
        yield Finding(
            f"cgroup controller {name} is not available", "enable it on the kernel's command line, or mount it"
        )


def _module(name: str) -> bool:
    """Tell whether a kernel feature is loaded, built in, or may be loaded by the programs that need it."""
    release = platform.release()
    if Path("/sys/module", name).exists():
        return True
    for listing in (f"/lib/modules/{release}/modules.builtin", f"/lib/modules/{release}/modules.dep"):
        path = Path(listing)
        if path.exists() and f"/{name}.ko" in path.read_text(encoding="utf-8"):
            return True
    return _configured(name)


def _configured(name: str) -> bool:
    config = Path("/proc/config.gz")
    if not config.exists():
        # Neither modules nor a configuration to look at: the first use will tell.
        return not Path("/lib/modules", platform.release()).exists()
    option = {"overlay": "OVERLAY_FS"}.get(name, name.upper())
    return any(f"CONFIG_{option}={value}\n" in gzip.decompress(config.read_bytes()).decode() for value in "ym")


def resources(context: Context, *, running: bool) -> Iterator[Finding]:
    """Disk and memory; what a running cluster has taken already is not asked for again."""
    if running:
        return
    for directory in {context.home, context.cache}:
        existing = next(path for path in (directory, *directory.parents) if path.exists())
        free = shutil.disk_usage(existing).free
        built = (context.cache / "go").exists()
        needed = DISK_NEEDED // 3 if built else DISK_NEEDED
        if free < needed:
            yield Finding(
                f"{directory} has {free / 2**30:.1f} GiB free, {needed / 2**30:.0f} are needed",
                "free some, or set RAINBOW_HOME and RAINBOW_CACHE to directories on another disk",
            )
    available = psutil.virtual_memory().available
    if available < MEMORY_NEEDED:
        yield Finding(
            f"{available / 2**30:.1f} GiB of memory are available, {MEMORY_NEEDED / 2**30:.0f} are needed",
            "end other programs, or use a larger machine",
        )
