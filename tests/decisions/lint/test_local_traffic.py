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
    """A warning: some keep the address of who asks by it; it is completed by taking it out."""
    findings = found("local-traffic", *objects)
    assert said(findings) == ([(WARNING, "Service web", f"spec.{key}")] if key else []), case
    assert [one.patch for one in findings] == ([{"spec": {key: None}}] if key else [])
