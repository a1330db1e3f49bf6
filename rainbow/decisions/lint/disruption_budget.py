"""A drained node takes some pods of a workload, never all (C3), and it can take some."""

from __future__ import annotations

from math import ceil
from typing import Any

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.rendering import describe
from rainbow.decisions.workloads import Base, Workload, selects, spec_of

Object = dict[str, Any]

_FIX = "a PodDisruptionBudget with maxUnavailable 1"


def check(base: Base) -> Findings:
    """One finding for each workload without a budget or with several, and for each budget that does no good."""
    for workload in base.workloads:
        if not workload.replicas:  # a DaemonSet is not drained, and no pods need no budget
            continue
        budgets = base.budgets(workload)
        if not budgets:
            yield _none(base, workload)
        elif len(budgets) > 1:
            yield _several(workload, budgets)
        elif workload.replicas == 1 and base.serves(workload):
            yield _alone(workload)
    for budget in base.of_kind("PodDisruptionBudget"):
        yield from _useless(base, budget)


def _none(base: Base, workload: Workload) -> Finding:
    several = (workload.replicas or 0) > 1
    lost = "its only pod" if not several else "all of its pods at once"
    more = "" if several else "; a budget helps from two replicas on"
    return Finding(
        Severity.ERROR if several and base.serves(workload) else Severity.WARNING,
        workload.obj,
        ("spec",),
        f"no PodDisruptionBudget is about its pods: draining a node may take {lost}",
        f"{_FIX}{more}",
        resource=_budget(base, workload),
    )


def _several(workload: Workload, budgets: list[Object]) -> Finding:
    names = " and ".join(describe(budget) for budget in budgets)
    return Finding(
        Severity.ERROR,
        workload.obj,
        ("spec",),
        f"{names} are about the same pods: those can then not be evicted at all, and their node not be drained",
        "keep one of them",
    )


def _alone(workload: Workload) -> Finding:
    return Finding(
        Severity.WARNING,
        workload.obj,
        ("spec", "replicas"),
        "it has one replica: when its node is drained or lost nobody answers until a new pod is ready",
        "two replicas, if two of it may run at once",
    )


def _useless(base: Base, budget: Object) -> Findings:
    spec = spec_of(budget)
    about = [w for w in base.workloads if w.replicas is not None and selects(spec.get("selector"), w.labels)]
    total = sum(w.replicas or 0 for w in about)
    key = "minAvailable" if spec.get("minAvailable") is not None else "maxUnavailable"
    given, path = spec.get(key), ("spec", key)
    if not about:
        yield Finding(
            Severity.WARNING,
            budget,
            ("spec", "selector"),
            "its selector is about no pod of the base: it protects nothing",
            "give it the labels of the pods that it is meant for",
        )
    elif given is not None and total:
        may_go = _count(given, total) if key == "maxUnavailable" else total - _count(given, total)
        served = any(base.serves(w) for w in about)
        # With one replica the least strict budget is the worse one: it lets the only pod go.
        patch = _one(spec) if total > 1 else None
        if may_go <= 0:
            yield Finding(
                Severity.ERROR if served else Severity.WARNING,
                budget,
                path,
                f"{key} {given} of {total} lets no pod go, ever: a node that has one cannot be drained, until somebody "
                "does it by force",
                "maxUnavailable 1" if patch else "two replicas and maxUnavailable 1, if two of it may run at once",
                patch=patch,
            )
        elif may_go >= total > 1:
            why = f"{key} {given} of {total} lets all pods go at once: it protects nothing"
            severity = Severity.ERROR if served else Severity.WARNING
            yield Finding(severity, budget, path, why, "maxUnavailable 1", patch=patch)


def _one(spec: Object) -> Object:
    # Replaced as a whole: kustomize writes a number over a text ("100%") as a text, which Kubernetes refuses.
    rest = {key: value for key, value in spec.items() if key not in ("minAvailable", "maxUnavailable")}
    return {"spec": {"$patch": "replace", "maxUnavailable": 1} | rest}


def _count(given: int | str, total: int) -> int:
    """Percentages are rounded up (Kubernetes, "Specifying a Disruption Budget")."""
    return ceil(int(str(given).rstrip("%")) * total / 100) if str(given).endswith("%") else int(given)


def _budget(base: Base, workload: Workload) -> Object:
    meta = workload.obj["metadata"]
    taken = {budget["metadata"]["name"] for budget in base.of_kind("PodDisruptionBudget")}
    free = next(name for n in range(len(taken) + 1) if (name := f"{meta['name']}{'-budget' * n}") not in taken)
    # Labels rather than expressions: only to those does kustomize add the labels of a release.
    selector = workload.selector.get("matchLabels") or workload.labels
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": free} | ({"namespace": meta["namespace"]} if meta.get("namespace") else {}),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": dict(selector)}},
    }
