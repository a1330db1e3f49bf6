"""The number of pods of a release: lowered while it drains, and raised again for who switches back to it (B8).

Whoever switches to a release marks its record first and then calls `restore_replicas`, which writes the Deployments in
any case; whoever shrinks reads the Deployments first and the record last. So one of the two sees the other. Both write
by the subresources alone, `scale` and, for annotations, `status`: neither can change what a pod runs, or as whom.
"""

from __future__ import annotations

from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from rainbow.adapters.kube import DEPLOYMENT, Kube, Object
from rainbow.errors import Conflict
from rainbow.model.names import GROUP
from rainbow.model.release import Release

REPLICAS = f"{GROUP}/replicas"  # annotation of a Deployment that was shrunk: how many pods it had
RESTORED = f"{GROUP}/restored"  # annotation: the version of the record for which it was made whole again

# For the roles of the steps that shrink, besides LOOKING of drain.py.
SHRINKING: list[dict[str, Any]] = [
    # which pods are to go first, when some of a draining release go: an annotation, which `status` may write as well
    {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
    # how many there were, in an annotation; then how many stay
    {"apiGroups": ["apps"], "resources": ["deployments/status", "deployments/scale"], "verbs": ["patch"]},
    # which workloads somebody else scales
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
]
# For those that switch.
RESTORING: list[dict[str, Any]] = [
    # a release that had shrunk while it drained gets its pods back before users come
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["deployments/status", "deployments/scale"], "verbs": ["patch"]},
]


def restore_replicas(kube: Kube, release: Release) -> list[str]:
    """Give the Deployments of a release the pods that they had before they shrank; which ones had shrunk.

    The release is one whose record was just marked as being switched to. Raises Conflict when somebody else writes
    all the time.
    """
    shrink = release.spec.app.drain.shrink
    restored = []
    # The controller writes a Deployment some times in the first moments after its number was changed.
    attempts = Retrying(
        stop=stop_after_attempt(10), wait=wait_random(0, 0.2), retry=retry_if_exception_type(Conflict), reraise=True
    )
    for workload in shrink.workloads if shrink else ():
        name = release.named(workload)
        if attempts(_restore, kube, release, name):
            restored.append(workload)
        attempts(_forget, kube, release, name)
    return restored


def _restore(kube: Kube, release: Release, name: str) -> bool:
    found = kube.get(DEPLOYMENT, release.namespace, name)
    if found is None:
        return False
    # Written even when nothing has to change: who read the Deployment before must not write it any more.
    found = _annotate(kube, found, {RESTORED: release.resource_version})
    if not _shrunk(found):
        return False
    scale(kube, found, whole(found))
    return True


def _forget(kube: Kube, release: Release, name: str) -> None:
    """Remove the note of how many there were, once they are there again."""
    found = kube.get(DEPLOYMENT, release.namespace, name)
    if found is not None and REPLICAS in _annotations(found) and not _shrunk(found):
        _annotate(kube, found, {REPLICAS: None})


def note_whole(kube: Kube, deployment: Object) -> Object:
    """Note how many pods it has before it shrinks, if it is still the one that was read. Raises Conflict."""
    return _annotate(kube, deployment, {REPLICAS: str(whole(deployment))})


def noted_whole(deployment: Object) -> bool:
    """Whether it is noted how many pods it is to get back."""
    return _annotations(deployment).get(REPLICAS) == str(whole(deployment))


def scale(kube: Kube, deployment: Object, replicas: int) -> None:
    """Set its number if it is still the one that was read. Raises Conflict."""
    _patch(kube, deployment, {}, {"spec": {"replicas": replicas}}, "scale")


def whole(deployment: Object) -> int:
    """How many pods it had before it shrank; or has, when somebody has given it more since."""
    noted = _annotations(deployment).get(REPLICAS, "0")
    return max(_replicas(deployment), int(noted) if noted.isdecimal() else 0)


def _shrunk(deployment: Object) -> bool:
    return whole(deployment) != _replicas(deployment)


def _replicas(deployment: Object) -> int:
    replicas: int = deployment["spec"].get("replicas", 1)
    return replicas


def _annotations(deployment: Object) -> dict[str, str]:
    return deployment["metadata"].get("annotations") or {}


def _annotate(kube: Kube, deployment: Object, annotations: dict[str, str | None]) -> Object:
    return _patch(kube, deployment, {"annotations": annotations}, {}, "status")


def _patch(kube: Kube, deployment: Object, meta: Object, rest: Object, subresource: str) -> Object:
    there = deployment["metadata"]
    patch = {"metadata": {"resourceVersion": there["resourceVersion"]} | meta} | rest
    return kube.patch(DEPLOYMENT, there["namespace"], there["name"], patch, subresource=subresource)
