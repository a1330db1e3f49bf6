"""A cluster that lives: the emulated API server with the controllers that a release needs, and users' tasks on pods.

Deployments get pods, Services get endpoints, and the pod of the tests ends, all at once after each write. What
controllers do is nobody's API call: no run can be killed or overtaken in the middle of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from emulated import Key, StoppedClock, Store

from rainbow.adapters.kube import Object
from rainbow.model.names import APP_LABEL, RELEASE_LABEL

NAMESPACE = "shops"
COST = "controller.kubernetes.io/pod-deletion-cost"
_WATCHED = {"deployments", "services", "pods"}


class Ticking(StoppedClock):
    """The clock of all: somebody is told whenever time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.tick = lambda: None

    def sleep(self, seconds: float) -> None:
        """In pieces, so that what happens regularly does."""
        while seconds > 0:
            super().sleep(min(seconds, 5.0))
            seconds -= 5.0
            self.tick()


@dataclass
class Living(Store):
    """The store, and what reconciles it. `broken` and `failing` are releases: never ready, tests fail."""

    broken: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    tasks: dict[int, Key] = field(default_factory=dict)  # task → the pod that works on it
    lost: list[str] = field(default_factory=list)  # pods that were ended while they worked
    _made: int = 0

    def put(self, key: Key, obj: Object, *, subresource: str | None = None) -> Object:
        """As every write; then the controllers."""
        answer = super().put(key, obj, subresource=subresource)
        if key[0] in _WATCHED:
            self.reconcile()
            return self.objects.get(key, answer)
        return answer

    def remove(self, key: Key) -> None:
        """As every deletion; then the controllers."""
        super().remove(key)
        if key[0] in _WATCHED:
            self.reconcile()

    def of(self, plural: str, release: str | None = None) -> list[Object]:
        """The objects of a kind, of one release or of all."""
        found = [obj for key, obj in self.objects.items() if key[0] == plural]
        return [o for o in found if release is None or labels(o).get(RELEASE_LABEL) == release]

    def workers(self, release: str) -> list[Object]:
        """The pods of a release that can take up tasks."""
        return [p for p in self.of("pods", release) if is_ready(p) and "rainbow.dev/step" not in labels(p)]

    def busy(self, pod: Object) -> int:
        """How many tasks it works on."""
        return sum(name == pod["metadata"]["name"] for _, _, name in self.tasks.values())

    def busy_release(self, release: str) -> int:
        """How many tasks its pods work on."""
        return sum(self.busy(pod) for pod in self.of("pods", release))

    # --- controllers --------------------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Have pods and endpoints follow from Deployments and Services."""
        deployments = {d["metadata"]["name"]: d for d in self.of("deployments")}
        for pod in self.of("pods"):
            owner = labels(pod).get("deployment")
            if owner is not None and owner not in deployments:
                self._end(pod)
            elif "rainbow.dev/step" in labels(pod) and "status" not in pod:
                self._own(self._tested(pod))
        for deployment in deployments.values():
            self._roll_out(deployment)
        for service in self.of("services"):
            self._publish(service)
        for slice_ in self.of("endpointslices"):
            if ("services", NAMESPACE, slice_["metadata"]["name"]) not in self.objects:
                self._drop(slice_)

    def _roll_out(self, deployment: Object) -> None:
        name, wanted = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
        pods = [pod for pod in self.of("pods") if labels(pod).get("deployment") == name]
        # Kubernetes, "ReplicaSet": the cheapest to delete go first; among equals, the newest.
        pods.sort(key=lambda p: (-_cost(p), p["metadata"]["name"]))
        for pod in pods[wanted:]:
            self._end(pod)
        for _ in range(wanted - len(pods)):
            self._made += 1
            self._own(self._pod(deployment))
        ready = sum(is_ready(pod) for pod in self.of("pods") if labels(pod).get("deployment") == name)
        status = {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready, "availableReplicas": ready}
        if deployment.get("status") != status:
            self._own(deployment | {"status": status})

    def _pod(self, deployment: Object) -> Object:
        template, name = deployment["spec"]["template"], deployment["metadata"]["name"]
        meta = {
            "name": f"{name}-{self._made}",
            "namespace": NAMESPACE,
            "labels": template["metadata"]["labels"] | {"pod-template-hash": "hash", "deployment": name},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{name}-hash", "uid": "hash", "controller": True}],
        }
        ready = "False" if labels(deployment).get(RELEASE_LABEL) in self.broken else "True"
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"], "status": status}

    def _tested(self, pod: Object) -> Object:
        fails = labels(pod)[RELEASE_LABEL] in self.failing
        name = pod["spec"]["containers"][0]["name"]
        ended = {"terminated": {"exitCode": int(fails), "reason": "Error" if fails else "Completed"}}
        statuses = [{"name": name, "state": ended}]
        return pod | {"status": {"phase": "Failed" if fails else "Succeeded", "containerStatuses": statuses}}

    def _publish(self, service: Object) -> None:
        wanted, meta = (service["spec"].get("selector") or {}).items(), service["metadata"]
        endpoints = [
            {"conditions": {"ready": is_ready(pod)}, "targetRef": {"name": pod["metadata"]["name"]}}
            for pod in self.of("pods")
            if wanted and wanted <= labels(pod).items()
        ]
        old = self.objects.get(("endpointslices", NAMESPACE, meta["name"]))
        if old is not None and old["endpoints"] == endpoints:
            return
        own = labels(service) | {"kubernetes.io/service-name": meta["name"]}
        made = {"name": meta["name"], "namespace": NAMESPACE, "labels": own}
        head = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
        self._own(head | {"metadata": made, "endpoints": endpoints})

    def _end(self, pod: Object) -> None:
        if self.busy(pod):
            self.lost.append(pod["metadata"]["name"])
        self._drop(pod)

    def _own(self, obj: Object) -> None:
        self.version += 1
        meta = obj["metadata"] | {"resourceVersion": str(self.version)}
        meta.setdefault("uid", f"uid-{self.version}")
        meta.setdefault("creationTimestamp", self._date())
        self.objects[_plural(obj), NAMESPACE, meta["name"]] = obj | {"metadata": meta}

    def _drop(self, obj: Object) -> None:
        del self.objects[_plural(obj), NAMESPACE, obj["metadata"]["name"]]


def labels(obj: Object) -> dict[str, str]:
    """Its labels, even when it has none."""
    return obj["metadata"].get("labels") or {}


def is_ready(pod: Object) -> bool:
    """Whether it takes requests."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def owner(obj: Object) -> str | None:
    """The release of the app that it belongs to."""
    return labels(obj).get(RELEASE_LABEL) if labels(obj).get(APP_LABEL) == "shop" else None


def _plural(obj: Object) -> str:
    return {"Pod": "pods", "Deployment": "deployments", "EndpointSlice": "endpointslices"}[obj["kind"]]


def _cost(pod: Object) -> int:
    return int((pod["metadata"].get("annotations") or {}).get(COST, 0))


def base(replicas: int = 2) -> str:
    """The app's manifests: one Deployment, its Service and the Ingress."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    container = {"name": "web", "image": "web"}
    pod = {"metadata": {"labels": {"part": "web"}}, "spec": {"containers": [container]}}
    workload: dict[str, Any] = {"replicas": replicas, "selector": {"matchLabels": {"part": "web"}}, "template": pod}
    ports = [{"name": "http", "port": 80}]
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": workload},
        _named("v1", "Service", "web", {"selector": {"part": "web"}, "ports": ports}),
        _named("networking.k8s.io/v1", "Ingress", "shop", {"rules": [rule]}),
    ]
    return "\n---\n".join(json.dumps(obj) for obj in objects)


def _named(version: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
