"""Services that lead only to pods of the same node."""

from typing import Any

import pytest

from tests.decisions.lint.make import WARNING, found, said, service, workload

DAEMON = workload("DaemonSet", replicas=None)


@pytest.mark.parametrize(
    ("case", "objects", "key"),
    [
        ("wherever pods run", [workload(), service()], None),
        ("said in so many words", [workload(), service(internalTrafficPolicy="Cluster")], None),
        ("within the node", [workload(), service(internalTrafficPolicy="Local")], "internalTrafficPolicy"),
        ("from outside", [workload(), service(externalTrafficPolicy="Local")], "externalTrafficPolicy"),
        ("a pod on each node", [DAEMON, service(internalTrafficPolicy="Local")], None),
    ],
)
def test_requests_find_a_pod_from_every_node(case: str, objects: Any, key: str | None) -> None:
    """A warning. From outside some keep the address of who asks by it: that one only its owner takes out."""
    findings = found("local-traffic", *objects)
    assert said(findings) == ([(WARNING, "Service web", f"spec.{key}")] if key else []), case
    patch = {"spec": {key: None}} if key == "internalTrafficPolicy" else None
    assert [one.patch for one in findings] == ([patch] if key else [])
    assert all("address of a node" in one.fix for one in findings if not one.mendable)
