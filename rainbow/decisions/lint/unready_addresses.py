"""A Service leads to pods that are ready, and to no others (C1)."""

from __future__ import annotations

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base, spec_of


def check(base: Base) -> Findings:
    """One finding for each Service. A headless one is for peers that look for each other before they are ready."""
    for service in base.of_kind("Service"):
        spec = spec_of(service)
        if spec.get("publishNotReadyAddresses") and spec.get("clusterIP") != "None":
            yield Finding(
                Severity.ERROR,
                service,
                ("spec", "publishNotReadyAddresses"),
                "it sends requests to pods that say that they are not ready, those that start or end among them",
                "leave publishNotReadyAddresses out; peers that look for each other need a headless Service of theirs",
                patch={"spec": {"publishNotReadyAddresses": None}},
            )
