"""The monitoring assets in the shapes in which people take them: plain files, or objects for the Prometheus operator,
for Grafana's sidecar and for the Helm chart of kube-state-metrics.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import yaml

from workflows.monitoring.dashboard import dashboard

Object = dict[str, Any]

PAGE = "docs/how-to/alerts.md"  # in the repository
# Which labels of EndpointSlices kube-state-metrics is to give: by these a Service is known to be of a release.
SLICE_LABELS = "endpointslices=[kubernetes.io/service-name,rainbow.dev/app,rainbow.dev/release]"
# What it has to be allowed besides what it may anyway; the last to find out that the resources are there.
READING: tuple[Object, ...] = (
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["list", "watch"]},
    {"apiGroups": ["argoproj.io"], "resources": ["cronworkflows"], "verbs": ["list", "watch"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["list", "watch"]},
)
_NAME = "rainbow"


def _read(name: str) -> Object:
    data: Object = yaml.safe_load((files("workflows.monitoring") / name).read_text(encoding="utf-8"))
    return data


def rules(docs: str | None = None) -> Object:
    """The rule file of Prometheus; each alert names its page, below `docs` when the documentation is published."""
    found = _read("rules.yaml")
    for group in found["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["annotations"]["runbook_url"] = _page(rule["alert"], docs)
    return found


def prometheus_rule(namespace: str, labels: dict[str, str], docs: str | None = None) -> Object:
    """The same for the Prometheus operator, which chooses its rules by labels."""
    meta = {"name": _NAME, "namespace": namespace, "labels": labels}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": meta, "spec": rules(docs)}


def dashboard_config_map(namespace: str) -> Object:
    """The dashboard for the sidecar of Grafana's chart, which looks for this label."""
    meta = {"name": "rainbow-dashboard", "namespace": namespace, "labels": {"grafana_dashboard": "1"}}
    data = {"rainbow-releases.json": json.dumps(dashboard(), indent=2)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def state_metrics() -> Object:
    """What kube-state-metrics takes as --custom-resource-state-config-file."""
    return _read("kube-state-metrics.yaml")


def state_metrics_values() -> Object:
    """The same as values of its Helm chart; below the key `kube-state-metrics` for kube-prometheus-stack."""
    return {
        "customResourceState": {"enabled": True, "config": state_metrics()},
        "metricLabelsAllowlist": [SLICE_LABELS],
        "rbac": {"extraRules": [dict(rule) for rule in READING]},
    }


def state_metrics_role() -> Object:
    """The rights that it needs besides its own, for who installs it otherwise."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "rainbow-kube-state-metrics"},
        "rules": [dict(rule) for rule in READING],
    }


def _page(alert: str, docs: str | None) -> str:
    base = PAGE if docs is None else f"{docs.rstrip('/')}/how-to/alerts.html"
    return f"{base}#{alert.lower()}"
