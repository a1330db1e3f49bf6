"""What runs without any release: live Deployments with their pods, and the images in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rainbow.decisions.rendering import describe

Object = dict[str, Any]
Key = tuple[str, str]  # kind and name

HASH = "pod-template-hash"  # put on pods by the Deployment controller (Kubernetes, "Deployments")
_FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Running:
    """A live Deployment with its pods that are not finished, and the one hash that those which stay have.

    `hash` None: there are none, or of several templates.
    """

    obj: Object
    pods: tuple[Object, ...]
    hash: str | None

    @property
    def staying(self) -> int:
        """How many of the pods are not being deleted."""
        return sum(1 for pod in self.pods if not is_ending(pod))

    @property
    def template_labels(self) -> dict[str, str]:
        """What selectors see of its pods."""
        labels: dict[str, str] = (self.obj["spec"]["template"].get("metadata") or {}).get("labels") or {}
        return labels

    @property
    def rolled_out(self) -> bool:
        """Whether all of its pods are of its one template, as far as its controller has counted."""
        status = self.obj.get("status") or {}
        whole = status.get("updatedReplicas", 0) == status.get("replicas", 0)
        return bool(whole) and (self.hash is not None or not self.staying)

    @property
    def looked_at(self) -> bool:
        """Whether the controller has seen its latest change."""
        status = self.obj.get("status") or {}
        return bool(status.get("observedGeneration", 0) >= self.obj["metadata"].get("generation", 0))


def running(obj: Object, pods: Sequence[Object]) -> Running:
    """A live Deployment with those of the pods that are its own."""
    own = [pod for pod in pods if _made_by(pod, obj["metadata"]["name"]) and not is_finished(pod)]
    hashes = {labels_of(pod)[HASH] for pod in own if not is_ending(pod)}
    return Running(obj, tuple(own), hashes.pop() if len(hashes) == 1 else None)


def running_images(base: Sequence[Object], live: Mapping[Key, Object]) -> tuple[dict[str, str], list[str]]:
    """Image name in the base → what runs for it, by the live Deployments; and where two of them differ."""
    images: dict[str, str] = {}
    differing = []
    for obj in base:
        there = live.get((obj["kind"], obj["metadata"]["name"]))
        if obj["kind"] != "Deployment" or there is None:
            continue
        runs = dict(_images(there))
        for container, image in _images(obj):
            name, reference = image_name(image), runs.get(container)
            if reference is None:
                differing.append(f"{describe(obj)} has no container {container} in the cluster")
            elif images.setdefault(name, reference) != reference:
                differing.append(f"image {name} runs as {images[name]} and, in {describe(obj)}, as {reference}")
    return images, differing


def image_name(reference: str) -> str:
    """Without tag and digest: "registry:5000/shop:v1" → "registry:5000/shop"."""
    head, slash, tail = reference.partition("@")[0].rpartition("/")
    return head + slash + tail.partition(":")[0]


def labels_of(obj: Object) -> dict[str, str]:
    """Its labels; none is an empty dict."""
    return obj["metadata"].get("labels") or {}


def is_finished(pod: Object) -> bool:
    """Whether all of its containers have ended for good."""
    return (pod.get("status") or {}).get("phase") in _FINISHED


def is_ending(pod: Object) -> bool:
    """Whether it is being deleted; it may go on with its tasks for hours."""
    return "deletionTimestamp" in pod["metadata"]


def _made_by(pod: Object, deployment: str) -> bool:
    """A Deployment's ReplicaSet is named after it and the hash of its template (Kubernetes, "Deployments")."""
    owner = next((o for o in pod["metadata"].get("ownerReferences") or [] if o.get("controller")), None)
    made = labels_of(pod).get(HASH)
    return made is not None and owner is not None and owner["name"] == f"{deployment}-{made}"


def _images(workload: Object) -> Iterator[tuple[str, str]]:
    spec = workload["spec"]["template"].get("spec") or {}
    for key in ("initContainers", "containers"):
        yield from ((c["name"], c["image"]) for c in spec.get(key) or [] if "image" in c)
