"""Of what there can only be one."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, WARNING, container, found, of, said, service, workload

POD = "spec.template.spec"
PORT = container(ports=[{"containerPort": 8000}, {"containerPort": 9000, "hostPort": 9000}])
SHARED = [{"name": "a", "emptyDir": {}}, {"name": "b", "persistentVolumeClaim": {"claimName": "data"}}]
HOST = [{"name": "a", "hostPath": {"path": "/data"}}]


@pytest.mark.parametrize(
    ("case", "obj", "expected"),
    [
        ("nothing of the kind", workload(), None),
        ("a port of the node", of(PORT), (ERROR, "Deployment web", f"{POD}.containers[0].ports[1].hostPort")),
        ("the node's network", of(container(), hostNetwork=True), (ERROR, "Deployment web", f"{POD}.hostNetwork")),
        ("the network of its own", of(container(), hostNetwork=False), None),
        (
            "a claim",
            of(container(), volumes=SHARED),
            (WARNING, "Deployment web", f"{POD}.volumes[1].persistentVolumeClaim"),
        ),
        (
            "a folder of the node",
            of(container(), volumes=HOST),
            (WARNING, "Deployment web", f"{POD}.volumes[0].hostPath"),
        ),
        ("a Service with an address", service(clusterIP="10.0.0.1"), (ERROR, "Service web", "spec.clusterIP")),
        ("a headless Service", service(clusterIP="None"), None),
        ("addresses from outside", service(externalIPs=["192.0.2.1"]), (ERROR, "Service web", "spec.externalIPs")),
    ],
)
def test_everything_can_be_there_once_for_each_release(case: str, obj: Any, expected: Any) -> None:
    """An error where the second one cannot be; a warning where it depends on what is not in the base."""
    assert said(found("cannot-live-twice", obj)) == ([expected] if expected else []), case


def test_only_the_address_of_a_service_is_taken_away() -> None:
    """Kubernetes gives each a new one; ports of nodes and volumes are there for a reason that is not known here."""
    (address,) = found("cannot-live-twice", service(clusterIP="10.0.0.1"))
    assert address.patch == {"spec": {"clusterIP": None, "clusterIPs": None}}
    assert not any(one.mendable for one in found("cannot-live-twice", of(PORT, volumes=SHARED)))
