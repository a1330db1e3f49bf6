"""The workflow controllers of a cluster, as Argo's manifests, its chart and others install them."""

from __future__ import annotations

from typing import Any

import pytest
from emulated import Emulated

from rainbow.adapters.controllers import find_controllers
from rainbow.adapters.kube import Forbidden
from rainbow.decisions.surroundings import Controller

IMAGE = "quay.io/argoproj/workflow-controller:v3.6.4"
PLAIN = {"app": "workflow-controller"}
CHART = {
    "app": "workflow-controller",
    "app.kubernetes.io/component": "workflow-controller",
    "app.kubernetes.io/version": "v3.7.1",
}


def cluster(labels: dict[str, str], *, args: tuple[str, ...] = (), image: str = IMAGE, **more: Any) -> Emulated:
    """One with such a pod, and perhaps the settings of its controller."""
    kube = Emulated(None, attempts=1)
    container = {"name": "workflow-controller", "image": image, "args": list(args)}
    status = {"conditions": [{"type": "Ready", "status": more.get("ready", "True")}]}
    meta = {"name": "c", "namespace": "argo", "labels": labels}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}, "status": status}
    kube.create(pod)
    if "data" in more:
        settings = {"name": more.get("settings", "workflow-controller-configmap"), "namespace": "argo"}
        kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": more["data"]})
    return kube


@pytest.mark.parametrize(
    ("case", "kube", "expected"),
    [
        ("Argo's own manifests", cluster(PLAIN), Controller("argo", "c", "v3.6.4")),
        ("its chart", cluster(CHART), Controller("argo", "c", "v3.7.1")),
        ("a digest", cluster(PLAIN, image=f"a/workflow-controller@sha256:{'0' * 64}"), Controller("argo", "c", None)),
        ("a registry with a port", cluster(PLAIN, image="r:5000/workflow-controller"), Controller("argo", "c", None)),
        ("namespaced", cluster(PLAIN, args=("--namespaced",)), Controller("argo", "c", "v3.6.4", "argo")),
        (
            "of another namespace",
            cluster(PLAIN, args=("--namespaced", "--managed-namespace", "shop")),
            Controller("argo", "c", "v3.6.4", "shop"),
        ),
        (
            "with an instance",
            cluster(PLAIN, data={"instanceID": "blue"}),
            Controller("argo", "c", "v3.6.4", instance_id="blue"),
        ),
        (
            "with settings of another name, as one document",
            cluster(PLAIN, args=("--configmap=mine",), data={"config": "instanceID: blue\n"}, settings="mine"),
            Controller("argo", "c", "v3.6.4", instance_id="blue"),
        ),
        ("not ready", cluster(PLAIN, ready="False"), Controller("argo", "c", "v3.6.4", ready=False)),
    ],
)
def test_a_controller_is_read(case: str, kube: Emulated, expected: Controller) -> None:
    """Version, what it watches, its instanceID, and whether it is ready."""
    assert find_controllers(kube, "shop") == (expected,)


def test_a_server_that_only_bears_its_labels_is_none() -> None:
    """Other parts of Argo stand beside it."""
    kube = Emulated(None, attempts=1)
    meta = {"name": "s", "namespace": "argo", "labels": PLAIN}
    containers = [{"name": "argo-server", "image": "quay.io/argoproj/argocli:v3.7.1"}]
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": containers}})
    assert find_controllers(kube, "shop") == ()


def _only(*allowed: str) -> Any:
    def called(_method: str, path: str) -> None:
        if not any(f"/namespaces/{name}/" in path for name in allowed):
            raise Forbidden(path)

    return called


def test_who_may_not_look_everywhere_looks_where_controllers_usually_are() -> None:
    """And what is not found then is not known."""
    kube = cluster(PLAIN)
    kube.called = _only("argo")
    assert find_controllers(kube, "shop") == (Controller("argo", "c", "v3.6.4"),)
    kube.called = _only("shop")
    assert find_controllers(kube, "shop") is None


def test_settings_that_may_not_be_read_are_not_known() -> None:
    """An instanceID may stand in them."""
    kube = cluster(PLAIN, data={"instanceID": "blue"})

    def called(_method: str, path: str) -> None:
        if "configmaps" in path:
            raise Forbidden(path)

    kube.called = called
    assert find_controllers(kube, "shop") == (Controller("argo", "c", "v3.6.4", instance_id=""),)
