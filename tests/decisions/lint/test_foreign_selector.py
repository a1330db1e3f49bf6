"""Which selectors get no label of the release; how kustomize does it is seen in tests/adapters/test_hardening.py."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, autoscaler, budget, found, said, service, workload

EXPRESSIONS = {"matchExpressions": [{"key": "part", "operator": "In", "values": ["web"]}]}


def policy(selector: Any) -> Any:
    """A NetworkPolicy about these pods."""
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web"}}
    return head | {"spec": {"podSelector": selector}}


@pytest.mark.parametrize(
    ("case", "obj", "expected"),
    [
        ("a budget by labels", budget(), None),
        ("a budget by labels and more", budget(selector=EXPRESSIONS | {"matchLabels": {"a": "b"}}), None),
        ("a budget by expressions", budget(selector=EXPRESSIONS), ("PodDisruptionBudget web", "spec.selector")),
        ("a budget about everything", budget(selector={}), ("PodDisruptionBudget web", "spec.selector")),
        ("a policy by labels", policy({"matchLabels": {"part": "web"}}), None),
        ("a policy with room for labels", policy({"matchLabels": {}}), None),
        ("a policy about everything", policy({}), ("NetworkPolicy web", "spec.podSelector")),
        ("a Service always gets them", service(), None),
        ("an autoscaler of the base", autoscaler(), None),
        ("an autoscaler of something else", autoscaler("api"), ("HorizontalPodAutoscaler web", "spec.scaleTargetRef")),
    ],
)
def test_nothing_is_about_the_pods_of_another_release(case: str, obj: Any, expected: Any) -> None:
    """An error where the labels of the release are not added."""
    assert said(found("foreign-selector", workload(), obj)) == ([(ERROR, *expected)] if expected else []), case


def test_room_is_made_for_the_labels_of_the_release() -> None:
    """Without Rainbow it means what it meant."""
    (finding,) = found("foreign-selector", budget(selector=EXPRESSIONS))
    assert finding.patch == {"spec": {"selector": {"matchLabels": {}}}}


def test_what_is_rolled_is_about_whatever_release_is_rolled_to() -> None:
    """There is one of it, and no label of a release anywhere."""
    assert not found("foreign-selector", workload(), budget(selector={}), strategy="rolling")
