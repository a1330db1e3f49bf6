"""A change of a workload never takes its last ready pod away first (C1)."""

from __future__ import annotations

from typing import Any

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.rendering import describe
from rainbow.decisions.rolling import roll_patches
from rainbow.decisions.workloads import Base, Workload, spec_of

Object = dict[str, Any]

# Replaced as a whole: kustomize writes a number over a text ("25%") as a text, which Kubernetes refuses.
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
_SURGE_FIRST = {"spec": {"strategy": {"$patch": "replace"} | _ROLLING}}


def check(base: Base) -> Findings:
    """One finding for each Deployment."""
    for workload in base.workloads:
        if workload.obj["kind"] != "Deployment" or not workload.replicas:
            continue
        if base.is_rolled(workload.obj):
            yield from _rolled(base, workload)
            continue
        strategy = spec_of(workload.obj).get("strategy") or {}
        if strategy.get("type") == "Recreate":
            why = "with strategy Recreate every change of it ends all pods before the first new one is started"
            yield _finding(base, workload, ("spec", "strategy", "type"), why)
            continue
        given = (strategy.get("rollingUpdate") or {}).get("maxUnavailable")
        if given is not None and _rounded_down(given, workload.replicas) >= workload.replicas:
            pods = "its only pod" if workload.replicas == 1 else f"all of its {workload.replicas} pods"
            why = f"maxUnavailable {given} lets a change of it end {pods} before a new one is ready"
            yield _finding(base, workload, ("spec", "strategy", "rollingUpdate", "maxUnavailable"), why)


def _rolled(base: Base, workload: Workload) -> Findings:
    """The mode of rainbow.yaml is put over what the manifest says."""
    name = workload.obj["metadata"]["name"]
    patch = next(patch for patch in roll_patches(base.app, base.objects) if patch["metadata"]["name"] == name)
    if workload.replicas == _rounded_down(patch["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 1) == 1:
        yield Finding(
            Severity.ERROR if base.serves(workload) else Severity.WARNING,
            None,
            ("rolling", "mode"),
            f"with rolling.mode unavailable the only pod of {describe(workload.obj)} ends before a new one is ready",
            "rolling.mode surge, or two replicas",
        )


def _finding(base: Base, workload: Workload, path: tuple[str, ...], why: str) -> Finding:
    return Finding(
        Severity.ERROR if base.serves(workload) else Severity.WARNING,
        workload.obj,
        path,
        why,
        "let new pods come first: strategy.rollingUpdate with maxSurge 1 and maxUnavailable 0",
        patch=_SURGE_FIRST,
    )


def _rounded_down(given: int | str, replicas: int) -> int:
    """As the Deployment controller does for maxUnavailable (Kubernetes, "Deployments", max unavailable)."""
    return int(str(given).rstrip("%")) * replicas // 100 if str(given).endswith("%") else int(given)
