"""A cluster that lives: the emulated API server with the controllers that a release needs, and users' tasks on pods.

Deployments get pods, Services get endpoints, and the pod of the tests ends, all at once after each write. What
controllers do is nobody's API call: no run can be killed or overtaken in the middle of it.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from emulated import Key, Store

from rainbow.adapters.kube import Object
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from tests.deep.server import Objects

NAMESPACE = "shops"
COST = "controller.kubernetes.io/pod-deletion-cost"
_WATCHED = {"deployments", "services", "pods"}


@dataclass
class Living(Store):
    """The store, and what reconciles it. `broken` and `failing` are releases: never ready, tests fail."""

    objects: Objects = field(default_factory=Objects)
    broken: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    tasks: dict[int, Key] = field(default_factory=dict)  # task → the pod that works on it
    # Pods that were ended while they worked, and whose they were.
    lost: list[tuple[str, str | None]] = field(default_factory=list)
    begun: Callable[[str], None] = lambda _release: None  # called with the release whose pod begins
    _made: int = 0

    def put(self, key: Key, obj: Object, *, subresource: str | None = None) -> Object:
        """As every write; then the controllers. Events are told, and read by nobody here."""
        if key[0] == "events":
            return obj
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
        found = self.objects.kinds.get(plural, {}).values()
        return [o for o in found if release is None or labels(o).get(RELEASE_LABEL) == release]

    def of_kind(self, plural: str) -> Iterable[tuple[Key, Object]]:
        """By its index."""
        return self.objects.kinds.get(plural, {}).items()

    def workers(self, release: str) -> list[Object]:
        """The pods of a release that can take up tasks."""
        return [p for p in self.of("pods", release) if is_ready(p) and "rainbow.dev/step" not in labels(p)]

    def busy(self) -> Counter[str]:
        """Name of a pod → how many tasks it works on."""
        return Counter(name for _, _, name in self.tasks.values())

    def busy_release(self, release: str) -> int:
        """How many tasks its pods work on."""
        busy = self.busy()
        return sum(busy[pod["metadata"]["name"]] for pod in self.of("pods", release)) if busy else 0

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
            made = self._pod(deployment)
            self._own(made)
            self.begun(labels(made).get(RELEASE_LABEL, ""))
        ready = sum(is_ready(pod) for pod in self.of("pods") if labels(pod).get("deployment") == name)
        status = {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready, "availableReplicas": ready}
        if deployment.get("status") != status:
            self._own(deployment | {"status": status})

    def _pod(self, deployment: Object) -> Object:
        template, name = deployment["spec"]["template"], deployment["metadata"]["name"]
        hash_ = f"{zlib.crc32(json.dumps(template).encode()):x}"
        meta = {
            "name": f"{name}-{self._made}",
            "namespace": NAMESPACE,
            "labels": template["metadata"]["labels"] | {"pod-template-hash": hash_, "deployment": name},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{name}-{hash_}", "uid": hash_, "controller": True}],
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
        if self.busy()[pod["metadata"]["name"]]:
            self.lost.append((pod["metadata"]["name"], owner(pod)))
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
