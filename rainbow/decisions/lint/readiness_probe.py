"""A container that is sent requests says when it can answer them (C1).

Without a readiness probe a pod counts as ready as soon as its process runs, and the switch leads users to a release
that does not listen yet.
"""

from __future__ import annotations

from rainbow.decisions.ending import container_patch
from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base, Opening, Workload


def check(base: Base) -> Findings:
    """One finding for each container that lacks one."""
    for workload in base.workloads:
        asked: dict[int, Opening] = {}
        for opening in base.openings(workload):
            # Where no container names the port it may be another one's; one that says when it is ready will do then.
            if not opening.sure and any(container.get("readinessProbe") for container in workload.containers):
                continue
            if not workload.containers[opening.container].get("readinessProbe"):
                asked.setdefault(opening.container, opening)
        for at, opening in asked.items():
            yield _finding(workload, at, opening)


def _finding(workload: Workload, at: int, opening: Opening) -> Finding:
    container, service = workload.containers[at], opening.service["metadata"]["name"]
    probe = {"tcpSocket": {"port": opening.port}, "periodSeconds": 2, "failureThreshold": 3}
    return Finding(
        Severity.ERROR,
        workload.obj,
        (*workload.path, "containers", at, "readinessProbe"),
        f"container {container['name']} has no readinessProbe: Service {service} sends it requests from the moment "
        "its process starts, whether it answers or not",
        "give it a readinessProbe that asks for what its requests need; completed, it asks whether the port is open",
        patch=container_patch(workload, {at: {"readinessProbe": probe}}) if opening.protocol == "TCP" else None,
    )
