"""The number of pods of a release: lowered while it drains, and raised again for who switches back to it (B8).

Whoever switches to a release marks its record first and then calls `restore_replicas`, which writes the Deployments in
any case; whoever shrinks reads the Deployments first and the record last. So one of the two sees the other.
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
    # which pods are to go first, when some of a draining release go
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]},
    # how many stay, and beside it how many there were: in one write, or the number were lost in between
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
    # which workloads somebody else scales
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
]
# For those that switch.
RESTORING: list[dict[str, Any]] = [
    # a release that had shrunk while it drained gets its pods back before users come
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
]


def restore_replicas(kube: Kube, release: Release) -> list[str]:
    """Give the Deployments of a release the pods that they had before they shrank; which ones had shrunk.

    The release is one whose record was just marked as being switched to. Raises Conflict when somebody else writes
    all the time.
    """
    shrink = release.spec.app.drain.shrink
    restored = []
    attempts = Retrying(
        stop=stop_after_attempt(5), wait=wait_random(0, 0.2), retry=retry_if_exception_type(Conflict), reraise=True
    )
    for workload in shrink.workloads if shrink else ():
        if attempts(_restore, kube, release, release.named(workload)):
            restored.append(workload)
    return restored


def _restore(kube: Kube, release: Release, name: str) -> bool:
    found = kube.get(DEPLOYMENT, release.namespace, name)
    if found is None:
        return False
    # Written even when nothing has to change: who read the Deployment before must not write it any more.
    scale(kube, found, whole(found), {REPLICAS: None, RESTORED: release.resource_version})
    shrunk: bool = whole(found) != found["spec"].get("replicas", 1)
    return shrunk


def scale(kube: Kube, deployment: Object, replicas: int, annotations: dict[str, str | None]) -> None:
    """Set its number if it is still the one that was read, with these annotations. Raises Conflict."""
    meta = deployment["metadata"]
    changes = {"resourceVersion": meta["resourceVersion"], "annotations": annotations}
    patch = {"metadata": changes, "spec": {"replicas": replicas}}
    kube.patch(DEPLOYMENT, meta["namespace"], meta["name"], patch)


def whole(deployment: Object) -> int:
    """How many pods it had before it shrank; or has, when somebody has given it more since."""
    noted = (deployment["metadata"].get("annotations") or {}).get(REPLICAS, "0")
    replicas: int = deployment["spec"].get("replicas", 1)
    return max(replicas, int(noted) if noted.isdecimal() else 0)
