"""Who else is on this machine: holders of the cluster's ports, other nodes of Kubernetes, other clusters of Rainbow."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import psutil

from cluster import lock
from cluster.context import Context
from cluster.processes import Processes

FOREIGN = {"kubelet": "another node of Kubernetes", "k3s": "k3s", "k0s": "k0s", "microk8s": "MicroK8s"}


@dataclass(frozen=True)
class Finding:
    """Something missing or in the way, and what to do about it. A warning does not stop `up`."""

    problem: str
    remedy: str
    warning: bool = False

    def __str__(self) -> str:
        """Put both on one line."""
        return f"{self.problem}: {self.remedy}"


def foreign() -> Iterator[Finding]:
    """Other nodes of Kubernetes; they and this one would fight over network rules and cgroups."""
    for process in psutil.process_iter(["name"]):
        name = process.info["name"] or ""
        if name in FOREIGN:
            yield Finding(
                f"{FOREIGN[name]} runs on this machine ({name}, process {process.pid})",
                "stop it, or use that cluster itself through KUBECONFIG",
            )


def ports(context: Context, processes: Processes) -> Iterator[Finding]:
    """Ports on the loopback that somebody else holds."""
    own = {process.pid for name in processes.names() if (process := processes.find(name))}
    for port in astuple(context.ports):
        holder = _holder(port)
        if holder is not None and holder not in own:
            yield Finding(f"port {port} of 127.0.0.1 is held by {_describe(holder)}", "stop it and run again")


def _holder(port: int) -> int | None:
    """Return the process that listens on a port of the loopback or of every address; 0 where it cannot be told."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            pass
        else:
            return None
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return connection.pid or 0
    return 0


def _describe(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return f"{process.name()} (process {pid}: {' '.join(process.cmdline())[:80]})" if pid else "an unknown process"
    except psutil.NoSuchProcess:
        return f"process {pid}"


def other_home(context: Context) -> Finding | None:
    """Find a cluster of another home: a machine has one at a time."""
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if command[1:2] != ["etcd"]:
            continue
        [directory] = [argument for argument in command if argument.startswith("--data-dir=")] or [""]
        state = Path(directory.removeprefix("--data-dir=")).parent
        if state.name == context.state.name and state != context.state:
            home = state.parent
            return Finding(
                f"this machine runs the cluster of RAINBOW_HOME={home}",
                f"use that one, or take it down (RAINBOW_HOME={home} rainbow cluster down) and run again",
            )
    return None


def belongs(context: Context, processes: Processes) -> Iterator[Finding]:
    """A running cluster of another checkout is shared."""
    owner = lock.owner(context)
    if owner and owner != context.checkout and processes.find("kube-apiserver"):
        yield Finding(
            f"this cluster was started from {owner}",
            f"it is shared with {context.checkout}; parts that differ are started anew from here",
            warning=True,
        )
