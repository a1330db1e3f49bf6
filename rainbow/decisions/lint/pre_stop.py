"""A container that is sent requests goes on answering for some seconds after its pod is told to end (C2).

The proxies hear of a pod's end a moment after the pod does. What ends at once refuses their last requests; and what is
still in its preStop hook when the grace period is over is killed.
"""

from __future__ import annotations

from rainbow.decisions.ending import DELAY, container_patch, grace_patch, pre_stop_seconds, serving
from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base, Workload


def check(base: Base) -> Findings:
    """One finding for each container."""
    for workload in base.workloads:
        told = serving(base, workload)
        for at, container in enumerate(workload.containers):
            seconds = pre_stop_seconds(container)
            if seconds == 0 and at in told:
                yield _missing(workload, at)
            elif seconds is not None and seconds and seconds >= workload.grace:
                yield _too_long(base, workload, at, seconds)


def _missing(workload: Workload, at: int) -> Finding:
    # A hook has one handler: what is there, and waits for nothing, makes way.
    there = (workload.containers[at].get("lifecycle") or {}).get("preStop") or {}
    hook = {key: None for key in there if key != "sleep"} | {"sleep": {"seconds": DELAY}}
    return Finding(
        Severity.ERROR,
        workload.obj,
        (*workload.path, "containers", at, "lifecycle", "preStop"),
        f"container {workload.containers[at]['name']} has no preStop delay: it ends while proxies still send it "
        "requests, and those fail",
        f"let it wait first: lifecycle.preStop.sleep.seconds: {DELAY}",
        patch=container_patch(workload, {at: {"lifecycle": {"preStop": hook}}}),
    )


def _too_long(base: Base, workload: Workload, at: int, seconds: int) -> Finding:
    return Finding(
        Severity.ERROR,
        workload.obj,
        (*workload.path, "containers", at, "lifecycle", "preStop"),
        f"the preStop hook of container {workload.containers[at]['name']} takes {seconds} s and the grace period is "
        f"{workload.grace} s: it is killed before it is told to end, with all that it was doing",
        "make the hook shorter, or terminationGracePeriodSeconds longer than the hook and the longest request together",
        patch=grace_patch(base, workload),
    )
