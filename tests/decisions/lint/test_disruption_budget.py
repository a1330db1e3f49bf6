"""What a drained node may take, and which budgets do no good."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, WARNING, autoscaler, budget, found, said, service, workload

TWO, ONE = workload(), workload(replicas=1)
WEB, BUDGET = "Deployment web", "PodDisruptionBudget web"


@pytest.mark.parametrize(
    ("case", "objects", "expected"),
    [
        ("two pods and a budget", [TWO, service(), budget()], []),
        ("two pods and none", [TWO, service()], [(ERROR, WEB, "spec")]),
        (
            "a budget about others",
            [TWO, service(), budget(selector={"matchLabels": {"a": "b"}})],
            [(ERROR, WEB, "spec"), (WARNING, BUDGET, "spec.selector")],
        ),
        ("a worker without", [TWO], [(WARNING, WEB, "spec")]),
        ("one pod, which no budget can protect", [ONE, service()], [(WARNING, WEB, "spec")]),
        ("one pod with one", [ONE, service(), budget()], [(WARNING, WEB, "spec.replicas")]),
        (
            "one pod that is never let go",
            [ONE, service(), budget(minAvailable=1)],
            [(WARNING, WEB, "spec.replicas"), (ERROR, BUDGET, "spec.minAvailable")],
        ),
        ("none is ever let go", [TWO, service(), budget(maxUnavailable=0)], [(ERROR, BUDGET, "spec.maxUnavailable")]),
        ("as many as there are", [TWO, service(), budget(minAvailable=2)], [(ERROR, BUDGET, "spec.minAvailable")]),
        (
            "more than half of two is two",
            [TWO, service(), budget(minAvailable="51%")],
            [(ERROR, BUDGET, "spec.minAvailable")],
        ),
        ("half of two", [TWO, service(), budget(minAvailable="50%")], []),
        ("a little of two is one", [TWO, service(), budget(maxUnavailable="1%")], []),
        ("all may go", [TWO, service(), budget(maxUnavailable="100%")], [(ERROR, BUDGET, "spec.maxUnavailable")]),
        ("a worker's that lets none go", [TWO, budget(maxUnavailable=0)], [(WARNING, BUDGET, "spec.maxUnavailable")]),
        (
            "the least that an autoscaler leaves",
            [TWO, service(), autoscaler(minReplicas=3), budget(minAvailable=2)],
            [],
        ),
        ("two budgets for one pod", [TWO, service(), budget(), budget("again")], [(ERROR, WEB, "spec")]),
        (
            "a budget by expressions",
            [
                TWO,
                service(),
                budget(selector={"matchExpressions": [{"key": "part", "operator": "In", "values": ["web"]}]}),
            ],
            [],
        ),
        ("no pods", [workload(replicas=0), service()], []),
        ("one pod on each node", [workload("DaemonSet", replicas=None), service()], []),
    ],
)
def test_a_drain_takes_some_pods_and_never_all(case: str, objects: Any, expected: Any) -> None:
    """Both are findings: a budget that is missing, and one that lets no node be drained."""
    assert said(found("disruption-budget", *objects)) == expected, case


def test_the_budget_that_is_added_is_about_its_pods_and_has_a_name_of_its_own() -> None:
    """Another one may be called like the workload."""
    other = budget(selector={"matchLabels": {"a": "b"}})
    added = found("disruption-budget", TWO, service(), other)[0].resource
    assert added is not None
    assert added["metadata"] == {"name": "web-budget"}
    assert added["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": {"part": "web"}}}


def test_the_only_pod_is_not_let_go_by_a_patch() -> None:
    """With one replica the budget that lets none go is the safer one; what to do is for its owner to say."""
    (finding,) = [one for one in found("disruption-budget", ONE, service(), budget(minAvailable=1)) if one.about != ONE]
    assert not finding.mendable
