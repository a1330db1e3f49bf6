"""No two workloads select each other's pods: their controllers would count and delete what is not theirs."""

from __future__ import annotations

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.rendering import describe
from rainbow.decisions.workloads import Base, selects


def check(base: Base) -> Findings:
    """One finding for each workload whose selector fits the pods of another one."""
    for workload in base.workloads:
        caught = [
            describe(other.obj)
            for other in base.workloads
            if other.obj is not workload.obj and selects(workload.selector or None, other.labels)
        ]
        if caught:
            yield Finding(
                Severity.ERROR,
                workload.obj,
                ("spec", "selector"),
                f"its selector fits the pods of {' and '.join(caught)} as well: pods are counted, awaited and deleted "
                "for the wrong one",
                "give each workload a label of its own, in its selector and in the labels of its pods",
            )
