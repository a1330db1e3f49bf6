"""A Service behind the route whose selector is too wide leads users to a release that was not tested."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.catching import catching

OF_V2 = {"rainbow.dev/app": "shop", "rainbow.dev/release": "v2"}


def _workload(kind: str, **labels: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"template": {"metadata": {"labels": labels | OF_V2}}}
    if kind == "CronJob":
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": spec}}
    return {"kind": kind, "metadata": {"name": "web-v2"}, "spec": spec}


def _service(**selector: str) -> dict[str, Any]:
    return {"kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": selector}}


# Selector of the Service behind the route → whether the new pods are caught.
CASES: dict[str, tuple[dict[str, str], bool]] = {
    "the labels of the base alone": ({"part": "web"}, True),
    "the labels of another part": ({"part": "docs"}, False),
    "one label more than the pods have": ({"part": "web", "tier": "front"}, False),
    "narrowed to what runs": ({"part": "web", "pod-template-hash": "abc"}, False),
    "the app of all releases": ({"rainbow.dev/app": "shop"}, True),
    "another release": ({"part": "web", "rainbow.dev/release": "v1"}, False),
    "this very release, which is current": ({"part": "web", "rainbow.dev/release": "v2"}, False),
    "nothing: its endpoints are given": ({}, False),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "CronJob"])
def test_a_selector_catches_what_has_all_its_labels(case: str, kind: str) -> None:
    """As Kubernetes has it: every pair of the selector is among the labels of the pod."""
    selector, caught = CASES[case]
    assert catching([_workload(kind, part="web")], [_service(**selector)]) == (["web"] if caught else [])


def test_what_has_no_pods_is_not_caught() -> None:
    """ConfigMaps and Services are objects of a release too."""
    assert catching([{"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {}}, _service()], [_service(a="b")]) == []
