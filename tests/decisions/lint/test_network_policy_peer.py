"""Peers of a NetworkPolicy that are not of the release, and that would be taken for it."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, found, said, workload

OWN = {"podSelector": {"matchLabels": {"part": "web"}}}
BUS = {"podSelector": {"matchLabels": {"app": "nats"}}}
PROXY = {"namespaceSelector": {"matchLabels": {"name": "platform"}}, "podSelector": {"matchLabels": {"part": "web"}}}
WRITTEN = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["nats"]}]}}
ANYBODY: Any = {"podSelector": {}}


def policy(**ways: Any) -> Any:
    """A NetworkPolicy."""
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web"}}
    return head | {"spec": {"podSelector": {"matchLabels": {"part": "web"}}} | ways}


@pytest.mark.parametrize(
    ("case", "ways", "places"),
    [
        ("pods of the release", {"ingress": [{"from": [OWN]}]}, []),
        ("anybody", {"ingress": [{"from": [ANYBODY]}], "egress": [{}]}, []),
        ("addresses", {"egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]}, []),
        ("a bus", {"egress": [{"to": [OWN, BUS]}]}, ["spec.egress[0].to[1].podSelector.matchLabels"]),
        (
            "pods of another namespace",
            {"ingress": [{}, {"from": [PROXY]}]},
            ["spec.ingress[1].from[0].podSelector.matchLabels"],
        ),
        ("a bus by expressions", {"egress": [{"to": [WRITTEN]}]}, []),
    ],
)
def test_a_release_is_not_cut_off(case: str, ways: Any, places: list[str]) -> None:
    """An error at the labels that nobody would have."""
    findings = found("network-policy-peer", workload(), policy(**ways))
    assert said(findings) == [(ERROR, "NetworkPolicy web", place) for place in places], case


def test_they_are_written_as_expressions() -> None:
    """The list is given as a whole, as a patch replaces it; what was right in it stays."""
    findings = found("network-policy-peer", workload(), policy(egress=[{}, {"to": [OWN, BUS], "ports": [{"port": 1}]}]))
    assert findings[0].patch == {"spec": {"egress": [{}, {"to": [OWN, WRITTEN], "ports": [{"port": 1}]}]}}
