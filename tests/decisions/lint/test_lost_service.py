"""Services that lead nowhere."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, WARNING, container, found, of, said, service, workload

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "once"},
    "spec": {"template": {"metadata": {"labels": {"part": "once"}}, "spec": {"containers": [container("c")]}}},
}


@pytest.mark.parametrize(
    ("case", "objects", "places"),
    [
        ("it leads to pods", [workload(), service()], []),
        ("it leads to no pod", [workload(), service(selector={"part": "api"})], ["spec.selector"]),
        ("it leads to a Job", [JOB, service(selector={"part": "once"})], []),
        ("it has no selector", [service(selector={})], []),
        ("it is another name", [service(selector={"a": "b"}, type="ExternalName")], []),
        (
            "a port that nobody has",
            [workload(), service(ports=[{"port": 80}, {"port": 81, "targetPort": "admin"}])],
            ["spec.ports[1].targetPort"],
        ),
        ("a port by its number", [of(container(ports=None)), service(ports=[{"port": 80, "targetPort": 8000}])], []),
    ],
)
def test_every_service_leads_to_pods_of_the_release(case: str, objects: Any, places: list[str]) -> None:
    """An error: whoever is led there gets no answer."""
    assert said(found("lost-service", *objects)) == [(ERROR, "Service web", place) for place in places], case


def test_what_is_rolled_may_lead_to_pods_of_others() -> None:
    """Its selector stays as it is: an operator may make those pods. A slip of the pen is said all the same."""
    findings = found("lost-service", workload(), service(selector={"made-by": "operator"}), strategy="rolling")
    assert said(findings) == [(WARNING, "Service web", "spec.selector")]
