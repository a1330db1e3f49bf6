"""Manifests in which anything may stand anywhere: it is found, and nothing breaks on it."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.lint import check
from tests.decisions.lint.make import ERROR, autoscaler, base, budget, container, found, of, said, service, workload
from tests.decisions.lint.test_network_policy_peer import BUS, policy

POD = "spec.template.spec"
CRON = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "daily"},
    "spec": {
        "jobTemplate": {"spec": {"template": {"metadata": {"labels": {}}, "spec": {"containers": [container()]}}}}
    },
}
HOOKS = container(
    readinessProbe={"exec": {"command": ["a"]}, "periodSeconds": 1, "failureThreshold": 2},
    livenessProbe={"exec": {"command": ["a"]}},
    lifecycle={"preStop": {"exec": {"command": ["sleep", "5"]}}},
    command=["sh", "-c", "a; b"],
)
VOLUMES = [{"name": "a", "persistentVolumeClaim": {"claimName": "a"}}, {"name": "b", "hostPath": {"path": "/"}}]
ALL = [
    of(HOOKS, volumes=VOLUMES, initContainers=[container("first")], hostNetwork=False),
    workload("StatefulSet", "db", strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}),
    service(clusterIP="None", externalIPs=[], publishNotReadyAddresses=False),
    budget(selector={"matchLabels": {}, "matchExpressions": [{"key": "part", "operator": "In", "values": ["web"]}]}),
    autoscaler(minReplicas=2),
    policy(egress=[{"to": [BUS]}], ingress=[{"from": [BUS]}]),
    CRON,
]


@pytest.mark.parametrize(
    ("case", "obj", "places"),
    [
        ("nothing", workload(), []),
        ("a text for a number", workload(replicas="2"), ["spec.replicas"]),
        ("true for a number", workload(replicas=True), ["spec.replicas"]),
        ("a number for a label", service(selector={"part": 1}), ["spec.selector.part"]),
        ("no list", of(container(ports={"containerPort": 1})), [f"{POD}.containers[0].ports"]),
        ("an empty item", of(container(), volumes=[None]), [f"{POD}.volumes[0]"]),
        ("a container without a name", of({"image": "a"}), [f"{POD}.containers[0].name"]),
        ("no percentage", budget(minAvailable="half"), ["spec.minAvailable"]),
        ("a percentage", budget(minAvailable="50%"), []),
        ("what is left empty", workload(strategy=None), []),
    ],
)
def test_what_belongs_elsewhere_is_found_where_it_stands(case: str, obj: Any, places: list[str]) -> None:
    """An error each: the API server would refuse it half-way through a deployment."""
    assert [(severity, where) for severity, _, where in said(found("malformed", obj))] == [
        (ERROR, place) for place in places
    ], case


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document: what it is in, and its key or index there."""
    keys = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [(value, key) for key, _ in keys] + [spot for _, part in keys for spot in spots(part)]


JUNK = st.sampled_from(
    [None, True, 0, -1, 7, 10**30, 1.5, "", "x", "7", "200%", [], [None], [7], ["x"], [[]], {}, {"x": 1}]
)


@given(st.data())
def test_nothing_that_stands_anywhere_breaks_a_rule(data: st.DataObject) -> None:
    """Up to three places hold something else; the manifests are a user's, and kustomize lets much pass."""
    objects = copy.deepcopy(ALL)
    for _ in range(data.draw(st.integers(1, 3))):
        obj = data.draw(st.sampled_from(objects))
        parent, key = data.draw(st.sampled_from(spots(obj.get("spec") or obj["metadata"]) or [(obj, "spec")]))
        parent[key] = copy.deepcopy(data.draw(JUNK))
    for finding in check(base(*objects, tests={"image": "a", "service": "web"})):
        assert finding.rule
        assert finding.where or finding.path == ()


def test_what_is_whole_is_not_malformed() -> None:
    """The objects that are spoilt above."""
    assert not [finding for finding in check(base(*ALL)) if finding.rule == "malformed"]
