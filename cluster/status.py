"""What state every part is in and how much memory it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psutil

from cluster import api, cgroups, namespace, node
from cluster.context import Context
from cluster.processes import Processes

PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "containerd", "kubelet", "kube-proxy")
NAMESPACES = ("kube-system", "argo", "platform")


@dataclass(frozen=True)
class Line:
    """One part: a process of the machine, or a pod. Memory in bytes, what is shared counted once among all."""

    part: str
    state: str
    where: str
    memory: int | None = None

    @property
    def good(self) -> bool:
        """Tell whether nothing needs to be done about it."""
        return self.state == "running"


def status(context: Context) -> list[Line]:
    """Return a line for each process, then for each of the cluster's own pods, then for all pods' memory."""
    processes = Processes(context.run, context.logs)
    lines = [_process(processes, name) for name in PARTS]
    lines.append(_shims(context))
    if not api.healthy(context):
        return lines
    problem = api.node_ready(context)
    lines.append(Line("node", problem or "running", context.node_name))
    own = [pod for pod in api.pods(context) if pod["metadata"]["namespace"] in NAMESPACES]
    lines += [_pod(pod) for pod in own]
    lines.append(Line("all pods", "running", f"cgroup /{node.CGROUP}", cgroups.memory(node.CGROUP)))
    return lines


def total(lines: list[Line]) -> int:
    """Return the memory of all processes and pods, in bytes."""
    return sum(line.memory or 0 for line in lines)


def _process(processes: Processes, name: str) -> Line:
    process = processes.find(name)
    if process is None:
        return Line(name, "not running", str(processes.log(name)) if processes.identity(name) else "-")
    try:
        return Line(name, "running", f"process {process.pid}", process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return Line(name, "not running", str(processes.log(name)))


def _shims(context: Context) -> Line:
    memory = 0
    count = 0
    for shim in namespace.shims(context):
        try:
            memory += shim.memory_full_info().pss
            count += 1
        except psutil.NoSuchProcess:
            continue
    return Line("containerd-shim", "running", f"{count} processes", memory)


def _pod(pod: dict[str, Any]) -> Line:
    metadata, state = pod["metadata"], pod["status"]
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in state.get("conditions", []))
    waiting = [
        container["state"]["waiting"].get("reason", "waiting")
        for container in state.get("containerStatuses", [])
        if "waiting" in container["state"]
    ]
    words = "running" if ready else ", ".join(waiting) or state.get("reason") or state["phase"]
    return Line(metadata["name"], words, f"pod in {metadata['namespace']}")
