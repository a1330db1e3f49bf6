"""The objects of releases: find them by their labels, and remove them one by one, each as it was read.

Found by label in the app's own namespace, so that nothing without both labels of a release can ever be removed. The
inventories in the records say which kinds to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rainbow.adapters.kube import (
    CONFIG_MAP,
    DEPLOYMENT,
    HTTP_ROUTE,
    INGRESS,
    RELEASE,
    SERVICE,
    Kind,
    Kube,
    Object,
    identity,
)
from rainbow.errors import PermanentError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.release import Release

# Whatever the inventory says: the preview route and the packed sources are made beside it.
_ALWAYS = frozenset({INGRESS, DEPLOYMENT, SERVICE, CONFIG_MAP})

# What `deploy` may create, and so what may have to be removed; for the role of the step that removes it.
DELETABLE: list[dict[str, Any]] = [
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "networkpolicies"]},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"]},
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"]},
    {"apiGroups": [""], "resources": ["services", "configmaps", "serviceaccounts"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"]},
]

_DELETABLE_KINDS = frozenset(
    {
        *_ALWAYS,
        HTTP_ROUTE,
        Kind("networking.k8s.io/v1", "NetworkPolicy"),
        Kind("apps/v1", "StatefulSet"),
        Kind("apps/v1", "DaemonSet"),
        Kind("batch/v1", "Job"),
        Kind("batch/v1", "CronJob"),
        Kind("v1", "ServiceAccount"),
        Kind("policy/v1", "PodDisruptionBudget"),
        Kind("autoscaling/v2", "HorizontalPodAutoscaler"),
    }
)

# First what leads to the release, so that no proxy is left with a Service that is gone; what does its work next.
_ROUTES, _WORKLOADS, _SERVICES, _REST = range(4)
_ORDER = {
    "Ingress": _ROUTES,
    "HTTPRoute": _ROUTES,
    "Deployment": _WORKLOADS,
    "StatefulSet": _WORKLOADS,
    "DaemonSet": _WORKLOADS,
    "Job": _WORKLOADS,
    "CronJob": _WORKLOADS,
    "Service": _SERVICES,
}

WORKLOADS = frozenset(kind for kind, rank in _ORDER.items() if rank == _WORKLOADS)


@dataclass(frozen=True)
class Belongings:
    """What was found: release id → its objects, in the order in which they are to be removed.

    `hidden` says, for a release whose inventory names a kind that could not be listed, which one and why.
    """

    objects: dict[str, tuple[Object, ...]]
    hidden: dict[str, str] = field(default_factory=dict)

    def of(self, release: str) -> tuple[Object, ...]:
        """The objects of a release that are still there."""
        return self.objects.get(release, ())

    def owner_of_service(self, name: str) -> str | None:
        """The release that a Service belongs to."""
        for release, objects in self.objects.items():
            if any(obj["kind"] == SERVICE.kind and obj["metadata"]["name"] == name for obj in objects):
                return release
        return None


def find_belongings(kube: Kube, namespace: str, app: str, releases: Sequence[Release]) -> Belongings:
    """The objects of all releases of one app, in one list call per kind however many releases there are.

    Those of releases without a record too. A kind that cannot be listed, for want of a right or of its CRD, concerns
    only the releases that have it.
    """
    found: dict[str, list[Object]] = {}
    hidden: dict[str, str] = {}
    for kind in _kinds(releases):
        try:
            objects = kube.list(kind, namespace, labels=f"{APP_LABEL}={app},{RELEASE_LABEL}")
        except PermanentError as error:
            if kind in _ALWAYS:
                raise
            having = [r for r in releases if any(Kind(o.api_version, o.kind) == kind for o in r.status.objects)]
            hidden |= {r.id: _why_hidden(kind, r, error) for r in having}
            continue
        for obj in objects:
            # An object of the whole cluster may be another namespace's app of the same name.
            if obj["metadata"].get("namespace") == namespace:
                found.setdefault(obj["metadata"]["labels"][RELEASE_LABEL], []).append(obj)
    return Belongings({release: in_order(objects) for release, objects in found.items()}, hidden)


def in_order(objects: Iterable[Object]) -> tuple[Object, ...]:
    """The order in which objects of a release are removed."""
    return tuple(sorted(objects, key=_rank))


def remove(kube: Kube, app: str, release: str, objects: Sequence[Object]) -> None:
    """Remove them, each on condition that it is the one that was read. What is gone already is no error.

    Raises Conflict when one was made anew since. Their pods end by themselves, within their grace period.
    """
    for obj in objects:
        kind, namespace, name = identity(obj)
        labels = obj["metadata"].get("labels") or {}
        if (labels.get(APP_LABEL), labels.get(RELEASE_LABEL)) != (app, release):
            raise PermanentError(f"{kind.kind} {namespace}/{name} does not belong to release {release} of {app}")
        kube.delete(kind, namespace, name, uid=obj["metadata"]["uid"])


def _why_hidden(kind: Kind, release: Release, error: PermanentError) -> str:
    return (
        f"its objects of kind {kind.kind} cannot be looked at ({error}); let ServiceAccount rainbow-delete list and "
        f"delete them, or remove what is left of the release by hand, and then its record: Release {release.name}"
    )


def _kinds(releases: Sequence[Release]) -> list[Kind]:
    known = {Kind(ref.api_version, ref.kind) for release in releases for ref in release.status.objects}
    return sorted((known | _DELETABLE_KINDS) - {RELEASE}, key=lambda kind: (kind.api_version, kind.kind))


def _rank(obj: Object) -> tuple[int, str, str]:
    return _ORDER.get(obj["kind"], _REST), obj["kind"], obj["metadata"]["name"]
