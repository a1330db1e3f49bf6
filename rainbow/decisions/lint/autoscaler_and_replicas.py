"""Either an autoscaler says how many pods there are, or the manifest does."""

from __future__ import annotations

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.rendering import describe
from rainbow.decisions.workloads import Base, spec_of


def check(base: Base) -> Findings:
    """One finding for each workload that has both."""
    for workload in base.workloads:
        autoscaler, replicas = base.autoscaler(workload.obj), spec_of(workload.obj).get("replicas")
        if autoscaler is not None and replicas is not None:
            yield Finding(
                Severity.WARNING,
                workload.obj,
                ("spec", "replicas"),
                f"replicas: {replicas} and {describe(autoscaler)} both say how many pods there are: each time it is "
                "applied busy pods end, until the autoscaler starts new ones",
                "leave replicas out",
                patch={"spec": {"replicas": None}},
            )
