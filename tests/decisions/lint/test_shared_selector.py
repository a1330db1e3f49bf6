"""Workloads that select each other's pods."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, found, said, workload

WIDE = {
    "selector": {"matchLabels": {"app": "shop"}},
    "template": {"metadata": {"labels": {"app": "shop", "part": "a"}}},
}
NARROW = {
    "selector": {"matchLabels": {"part": "b"}},
    "template": {"metadata": {"labels": {"app": "shop", "part": "b"}}},
}


def named(name: str, spec: Any, kind: str = "Deployment") -> Any:
    """A workload with exactly this selector and these labels."""
    made = workload(kind, name)
    made["spec"] |= {"selector": spec["selector"]}
    made["spec"]["template"]["metadata"] = spec["template"]["metadata"]
    return made


@pytest.mark.parametrize(
    ("case", "objects", "guilty"),
    [
        ("one alone", [workload()], []),
        ("one selector for two", [workload(), workload(name="api")], ["Deployment web", "Deployment api"]),
        ("two kinds", [workload(), workload("StatefulSet", "db")], ["Deployment web", "StatefulSet db"]),
        ("the wider one", [named("a", WIDE), named("b", NARROW)], ["Deployment a"]),
        ("each its own", [named("b", NARROW), workload()], []),
    ],
)
def test_each_workload_selects_its_own_pods(case: str, objects: Any, guilty: list[str]) -> None:
    """An error at each selector that is too wide; which label tells them apart is not for us to say."""
    findings = found("shared-selector", *objects)
    assert said(findings) == [(ERROR, name, "spec.selector") for name in guilty], case
    assert not any(finding.mendable for finding in findings)
