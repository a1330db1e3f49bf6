"""A pod that cannot answer for a moment is left alone, not killed (C1).

A liveness probe that asks the same question as the readiness probe, as impatiently, restarts all pods at once when what
they depend on is away, and cuts off every request that they still could have finished.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from rainbow.decisions.ending import container_patch
from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base, Workload

Object = dict[str, Any]

_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
PATIENCE = 60  # seconds; and at least this many times as long as the readiness probe takes
TIMES = 5


def check(base: Base) -> Findings:
    """One finding for each container."""
    for workload in base.workloads:
        for at, container in enumerate(workload.containers):
            alive, ready = container.get("livenessProbe"), container.get("readinessProbe")
            if not alive or not ready or _question(container, alive) != _question(container, ready):
                continue
            needed = max(PATIENCE, TIMES * _patience(ready))
            if _patience(alive) < needed:
                yield _finding(workload, at, alive, needed)


def _finding(workload: Workload, at: int, alive: Object, needed: int) -> Finding:
    container = workload.containers[at]
    threshold = ceil(needed / int(alive.get("periodSeconds") or 10))
    return Finding(
        Severity.WARNING,
        workload.obj,
        (*workload.path, "containers", at, "livenessProbe"),
        f"container {container['name']} is killed after {_patience(alive)} s by the same question by which it is taken "
        "off the endpoints: when something that it needs is away for a while, all pods are restarted at once",
        "let liveness ask only whether the process itself works, or be far more patient than readiness; completed, it "
        f"waits {needed} s",
        patch=container_patch(workload, {at: {"livenessProbe": {"failureThreshold": threshold}}}),
    )


def _question(container: Object, probe: Object) -> Object:
    """What it asks, with ports by their numbers."""
    asked = {key: dict(probe[key]) for key in _HANDLERS if probe.get(key)}
    numbers = {port.get("name"): port.get("containerPort") for port in container.get("ports") or []}
    for handler in asked.values():
        if "port" in handler:
            handler["port"] = numbers.get(handler["port"], handler["port"])
    return asked


def _patience(probe: Object) -> int:
    """Seconds of failing until something is done (Kubernetes, "Configure Probes")."""
    return int(probe.get("periodSeconds") or 10) * int(probe.get("failureThreshold") or 3)
