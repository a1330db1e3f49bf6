"""The grace period covers the preStop delay and the longest request (C2).

When it is over the pod is killed, whatever it is doing.
"""

from __future__ import annotations

from rainbow.decisions.ending import grace_patch, needed_grace, pre_stop_seconds
from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base
from rainbow.model.durations import format_duration


def check(base: Base) -> Findings:
    """One finding for each workload that is sent requests. How long a task of a worker takes is not known here."""
    for workload in base.workloads:
        needed, hooks = needed_grace(base, workload), map(pre_stop_seconds, workload.containers)
        killed_in_hook = any(seconds and seconds >= workload.grace for seconds in hooks)  # a finding of pre-stop
        if not base.serves(workload) or workload.grace >= needed or killed_in_hook:
            continue
        longest = format_duration(base.app.lint.longest_request)
        said = workload.pod.get("terminationGracePeriodSeconds") is not None
        yield Finding(
            Severity.ERROR,
            workload.obj,
            (*workload.path, "terminationGracePeriodSeconds"),
            f"the grace period is {workload.grace} s{'' if said else ' (the default)'}, but a preStop delay and the "
            f"longest request ({longest}) take {needed} s: requests that take long are cut off",
            f"terminationGracePeriodSeconds: {needed}; or say in rainbow.yaml how long a request may take: "
            "lint.longestRequest",
            patch=grace_patch(base, workload),
        )
