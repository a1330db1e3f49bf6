"""Live objects as their owner would have written them: what is added goes, what is somebody else's stays away."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.live_base import as_written, live_base


def obj(kind: str, name: str, spec: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """Any object."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **meta}, "spec": spec or {}}


def web(name: str, *, part: str | None = None, **pod: Any) -> dict[str, Any]:
    """A Deployment whose pods have a label."""
    labels = {"part": part or name}
    return obj("Deployment", name, {"template": {"metadata": {"labels": labels}, "spec": {"containers": [], **pod}}})


def service(name: str, part: str) -> dict[str, Any]:
    """A Service for pods of that label."""
    return obj("Service", name, {"selector": {"part": part}})


ROUTE = obj("Ingress", "shop")
USES = {
    "serviceAccountName": "robot",
    "volumes": [{"name": "s", "configMap": {"name": "settings"}}],
    "containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "flags"}}]}],
}
OWNED = [{"kind": "Database", "name": "x", "controller": True}]
CASES: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "what is behind the route": ([web("api"), service("front", "api")], ["Deployment/api", "Service/front"]),
    "what is behind no route": ([web("worker")], ["Deployment/worker"]),
    "what is behind another route": ([web("admin"), service("admin", "admin")], []),
    "what is behind both": (
        [web("api"), service("front", "api"), service("admin", "api")],
        ["Deployment/api", "Service/front", "Service/admin"],
    ),
    "a Service without a Deployment of the app": ([service("db", "db")], []),
    "a Service without a selector": ([web("api"), obj("Service", "outside")], ["Deployment/api"]),
    "a release": ([web("api") | obj("Deployment", "api-v1", labels={"rainbow.dev/release": "v1"})], []),
    "what an operator makes": ([obj("Deployment", "db", ownerReferences=OWNED)], []),
    "a StatefulSet": ([obj("StatefulSet", "db")], []),
    "what pods name": (
        [
            web("api", **USES),
            obj("ConfigMap", "settings"),
            obj("ConfigMap", "flags"),
            obj("ConfigMap", "kube-root-ca.crt"),
            obj("ServiceAccount", "robot"),
            obj("ServiceAccount", "default"),
        ],
        ["Deployment/api", "ConfigMap/settings", "ConfigMap/flags", "ServiceAccount/robot"],
    ),
    "what watches over its pods": (
        [
            web("api"),
            obj("PodDisruptionBudget", "api", {"selector": {"matchLabels": {"part": "api"}}}),
            obj("PodDisruptionBudget", "other", {"selector": {"matchLabels": {"part": "other"}}}),
            obj("NetworkPolicy", "api", {"podSelector": {"matchLabels": {"part": "api"}}}),
            obj("HorizontalPodAutoscaler", "api", {"scaleTargetRef": {"name": "api"}}),
            obj("HorizontalPodAutoscaler", "db", {"scaleTargetRef": {"name": "db"}}),
        ],
        ["Deployment/api", "PodDisruptionBudget/api", "NetworkPolicy/api", "HorizontalPodAutoscaler/api"],
    ),
    "what selects by an expression": (
        [web("api"), obj("PodDisruptionBudget", "x", {"selector": {"matchExpressions": [{"key": "part"}]}})],
        ["Deployment/api"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_base_is_what_belongs_to_the_app(case: str) -> None:
    """The route first; whatever runs and is left out is named."""
    live, expected = CASES[case]
    found = live_base(ROUTE, live, ["front"], ["admin"])
    assert [f"{one['kind']}/{one['metadata']['name']}" for one in found.objects] == ["Ingress/shop", *expected]
    workloads = {f"{one['kind']} {one['metadata']['name']}" for one in live if one["kind"].endswith(("ment", "Set"))}
    told = {line.partition(":")[0].partition(" is ")[0].partition(" belongs ")[0] for line in found.left_out}
    assert told == workloads - {name.replace("/", " ") for name in expected}


def test_what_the_cluster_has_added_is_gone() -> None:
    """Status, identity, addresses and defaults; what the owner said stays, even if it looks like those."""
    added = {"uid": "1", "resourceVersion": "2", "creationTimestamp": "3", "generation": 4, "managedFields": []}
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "deployment.kubernetes.io/revision": "3"}
    pod = {"restartPolicy": "Always", "dnsPolicy": "Default", "containers": [{"name": "c", "resources": {}}]}
    spec = {"replicas": 2, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 3, "template": {"spec": pod}}
    live = obj("Deployment", "web", spec, namespace="shops", annotations=notes | {"mine": "yes"}, **added)
    assert as_written(live | {"status": {"replicas": 2}}) == {
        "apiVersion": "v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"mine": "yes"}},
        "spec": {
            "replicas": 2,
            "revisionHistoryLimit": 3,
            "template": {"spec": {"dnsPolicy": "Default", "containers": [{"name": "c"}]}},
        },
    }


def test_a_service_loses_its_addresses_but_not_its_kind() -> None:
    """A second one cannot have the same; one without an address has none on purpose."""
    plain = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "nodePort": 30000}]}
    assert as_written(obj("Service", "web", plain))["spec"] == {"ports": [{"port": 80}]}
    assert as_written(obj("Service", "web", {"clusterIP": "None"}))["spec"] == {"clusterIP": "None"}
    assert plain["ports"] == [{"port": 80, "nodePort": 30000}], "what was read is as it was"
