"""Manifests for tables of rules: an app in which nothing is wrong, and what a test changes in it."""

from __future__ import annotations

from typing import Any

from rainbow.decisions.findings import Finding, Severity
from rainbow.decisions.hardening import merged
from rainbow.decisions.lint import RULES, check
from rainbow.decisions.workloads import Base
from tests.decisions.make import app

Object = dict[str, Any]

ERROR, WARNING = Severity.ERROR, Severity.WARNING
LABELS = {"part": "web"}
IMAGE = "registry.example/shop@sha256:" + "0" * 64


def workload(kind: str = "Deployment", name: str = "web", **spec: Any) -> Object:
    """A workload that is as it should be, with these changes of its spec."""
    plain = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}}}
    plain["template"] |= {"spec": {"terminationGracePeriodSeconds": 60, "containers": [container()]}}  # type: ignore[operator]
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": merged(plain, spec)}


def container(name: str = "web", **changes: Any) -> Object:
    """One that serves on port 8000; None takes something away from it."""
    plain = {
        "name": name,
        "image": IMAGE,
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    return {key: value for key, value in (plain | changes).items() if value is not None}


def of(*containers: Object, **pod: Any) -> Object:
    """A Deployment with these containers."""
    made = workload()
    made["spec"]["template"]["spec"] |= {"containers": list(containers)} | pod
    return made


def service(name: str = "web", selector: Object | None = None, **spec: Any) -> Object:
    """A Service that leads to it."""
    plain = {"selector": LABELS if selector is None else selector, "ports": [{"port": 80, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": plain | spec}


def budget(name: str = "web", selector: Object | None = None, **spec: Any) -> Object:
    """A PodDisruptionBudget; by default one that lets one pod go."""
    chosen = {"matchLabels": LABELS} if selector is None else selector
    head = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}}
    return head | {"spec": {"selector": chosen} | (spec or {"maxUnavailable": 1})}


def autoscaler(target: str = "web", **spec: Any) -> Object:
    """A HorizontalPodAutoscaler."""
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    return head | {"spec": {"scaleTargetRef": ref, "maxReplicas": 5} | spec}


def base(*objects: Object, given: dict[str, str] | None = None, **config: Any) -> Base:
    """The base of an app."""
    return Base(app(**config), objects, given or {})


def found(rule: str, *objects: Object, given: dict[str, str] | None = None, **config: Any) -> list[Finding]:
    """What one rule finds."""
    return list(RULES[rule].check(base(*objects, given=given, **config)))


def said(findings: list[Finding]) -> list[tuple[Severity, str, str]]:
    """How bad, about what, and where."""
    return [(one.severity, one.object, one.where) for one in findings]


def rules_of(*objects: Object, **config: Any) -> set[str]:
    """The names of all rules that find something."""
    return {finding.rule for finding in check(base(*objects, **config))}
