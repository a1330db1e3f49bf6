"""What runs without any release: the objects of a base as they are in the cluster, and their pods."""

from __future__ import annotations

import copy
from typing import Any

from rainbow.decisions.plain import HASH

Object = dict[str, Any]
NAMESPACE = "shops"


def _object(api_version: str, kind: str, name: str, **spec: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def deployment(name: str, image: str = "shop:1", **labels: str) -> Object:
    """A Deployment of the base; its pods have the label `part`, and more when given."""
    labels = {"part": name, **labels}
    spec = {"containers": [{"name": name, "image": image}]}
    return _object(
        "apps/v1",
        "Deployment",
        name,
        selector={"matchLabels": labels},
        template={"metadata": {"labels": labels}, "spec": spec},
    )


def service(name: str, **selector: str) -> Object:
    """A Service of the base."""
    return _object("v1", "Service", name, selector=selector, ports=[{"port": 80}])


def budget(name: str, **labels: str) -> Object:
    """A PodDisruptionBudget of the base."""
    return _object("policy/v1", "PodDisruptionBudget", name, maxUnavailable=1, selector={"matchLabels": labels})


def ingress(service: str) -> Object:
    """The route of the base, and of what runs."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return _object("networking.k8s.io/v1", "Ingress", "shop", rules=[rule])


def settings() -> Object:
    """A ConfigMap of the base."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}


BASE = (deployment("api"), deployment("worker", image="tool:1"), service("api", part="api"), budget("api", part="api"))
BASE = (*BASE, settings())


def live(obj: Object, *, pods: int = 2) -> Object:
    """The same as it is in the cluster; a Deployment is rolled out."""
    made = copy.deepcopy(obj)
    name = made["metadata"]["name"]
    made["metadata"] |= {
        "namespace": NAMESPACE,
        "uid": f"uid-{obj['kind']}-{name}",
        "resourceVersion": "1",
        "generation": 1,
    }
    if made["kind"] == "Deployment":
        made["spec"]["replicas"] = pods
        made["status"] = {"observedGeneration": 1, "replicas": pods, "updatedReplicas": pods}
    return made


def pod(of: Object, number: int = 1, template: str = "5d4f") -> Object:
    """A running pod of a Deployment."""
    name = of["metadata"]["name"]
    owner = {"kind": "ReplicaSet", "name": f"{name}-{template}", "controller": True}
    meta = {
        "name": f"{name}-{template}-{number}",
        "namespace": NAMESPACE,
        "uid": f"uid-{name}-{number}",
        "resourceVersion": "1",
        "labels": of["spec"]["template"]["metadata"]["labels"] | {HASH: template},
        "ownerReferences": [owner],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": {"phase": "Running"}}
