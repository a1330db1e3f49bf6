"""Who says how many pods there are."""

from typing import Any

import pytest

from tests.decisions.lint.make import WARNING, autoscaler, found, said, workload


@pytest.mark.parametrize(
    ("case", "objects", "places"),
    [
        ("the manifest alone", [workload()], []),
        ("the autoscaler alone", [workload(replicas=None), autoscaler()], []),
        ("both", [workload(), autoscaler()], ["spec.replicas"]),
        ("an autoscaler of another one", [workload(), autoscaler("api")], []),
    ],
)
def test_one_of_them_says_how_many_pods_there_are(case: str, objects: Any, places: list[str]) -> None:
    """The number in the manifest goes, as the autoscaler knows better."""
    findings = found("autoscaler-and-replicas", *objects)
    assert said(findings) == [(WARNING, "Deployment web", place) for place in places], case
    assert all(one.patch == {"spec": {"replicas": None}} for one in findings)
