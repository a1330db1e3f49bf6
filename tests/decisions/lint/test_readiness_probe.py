"""Who needs a readiness probe, and the one that is given."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, container, found, of, said, service, workload

PATH = "spec.template.spec.containers[0].readinessProbe"
BARE = container(readinessProbe=None)
OTHER = container("side", ports=[{"containerPort": 9000}])
SILENT = container("side", ports=None, readinessProbe=None)


@pytest.mark.parametrize(
    ("case", "objects", "places"),
    [
        ("it has one", [workload(), service()], []),
        ("it has none", [of(BARE), service()], [PATH]),
        ("nobody sends it requests", [of(BARE), service(selector={"part": "api"})], []),
        ("the sidecar that serves has one", [of(SILENT, container()), service()], []),
        ("only the other container has one", [of(BARE, OTHER), service()], [PATH]),
        ("a port that nobody names, and one who says", [of(SILENT, OTHER), service(ports=[{"port": 80}])], []),
        ("a port that nobody names, and none who says", [of(SILENT), service(ports=[{"port": 80}])], [PATH]),
        ("two Services ask for it", [of(BARE), service(), service("other")], [PATH]),
        ("a StatefulSet", [workload("StatefulSet"), service()], []),
    ],
)
def test_a_container_that_is_sent_requests_says_when_it_is_ready(case: str, objects: Any, places: list[str]) -> None:
    """An error for each that does not, where the probe belongs."""
    assert said(found("readiness-probe", *objects)) == [(ERROR, "Deployment web", place) for place in places], case


def test_the_probe_that_is_given_asks_whether_the_port_is_open() -> None:
    """By the name or the number by which the Service knows it; all containers are named, so that their order stays."""
    (finding,) = found("readiness-probe", of(OTHER, BARE), service())
    assert finding.patch is not None
    first, second = finding.patch["spec"]["template"]["spec"]["containers"]
    assert first == {"name": "side"}
    assert second["readinessProbe"]["tcpSocket"] == {"port": "http"}


def test_what_listens_on_no_tcp_port_is_left_to_its_owner() -> None:
    """There is no probe that would be right for all."""
    (finding,) = found("readiness-probe", of(BARE), service(ports=[{"port": 53, "protocol": "UDP"}]))
    assert not finding.mendable
