"""The objects of releases: find them by their labels, and remove them one by one, each as it was read.

Found by label in the app's own namespace, so that nothing without both labels of a release can ever be removed. The
inventories in the records say which kinds to look at. Secrets are never read, and so are removed by selector.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rainbow.adapters.kube import CONFIG_MAP, DEPLOYMENT, INGRESS, RELEASE, SERVICE, Kind, Kube, Object, identity
from rainbow.errors import PermanentError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL, release_selector
from rainbow.model.release import Release

SECRET = Kind("v1", "Secret")
# Whatever the inventory says: the preview route and the packed sources are made beside it.
_ALWAYS = frozenset({INGRESS, DEPLOYMENT, SERVICE, CONFIG_MAP})

# What `deploy` may create, and so what may have to be removed; for the role of the step that removes it.
DELETABLE: list[dict[str, Any]] = [
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "networkpolicies"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"]},
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"]},
    {"apiGroups": [""], "resources": ["services", "configmaps", "serviceaccounts"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"]},
]

# First what leads to the release, so that no proxy is left with a Service that is gone; what does its work next.
# Secrets come before the workloads: they are not counted among what is left, and something has to be left till then.
_ROUTES, _SECRETS, _WORKLOADS, _SERVICES, _REST = range(5)
_ORDER = {
    "Ingress": _ROUTES,
    "Secret": _SECRETS,
    "Deployment": _WORKLOADS,
    "StatefulSet": _WORKLOADS,
    "DaemonSet": _WORKLOADS,
    "Job": _WORKLOADS,
    "CronJob": _WORKLOADS,
    "Service": _SERVICES,
}


@dataclass(frozen=True)
class Belongings:
    """What was found: release id → its objects, in the order in which they are to be removed."""

    objects: dict[str, tuple[Object, ...]]

    def of(self, release: str) -> tuple[Object, ...]:
        """The objects of a release that are still there."""
        return self.objects.get(release, ())

    def owner_of_service(self, name: str) -> str | None:
        """The release that a Service belongs to."""
        for release, objects in self.objects.items():
            if any(obj["kind"] == SERVICE.kind and obj["metadata"]["name"] == name for obj in objects):
                return release
        return None


def find_belongings(kube: Kube, releases: Sequence[Release]) -> Belongings:
    """The objects of all releases of one app, in one list call per kind however many releases there are."""
    if not releases:
        return Belongings({})
    namespace, app = releases[0].namespace, releases[0].app
    found: dict[str, list[Object]] = {}
    for kind in _kinds(releases):
        for obj in kube.list(kind, namespace, labels=f"{APP_LABEL}={app},{RELEASE_LABEL}"):
            # An object of the whole cluster may be another namespace's app of the same name.
            if obj["metadata"].get("namespace") == namespace:
                found.setdefault(obj["metadata"]["labels"][RELEASE_LABEL], []).append(obj)
    return Belongings({release: in_order(objects) for release, objects in found.items()})


def in_order(objects: Iterable[Object]) -> tuple[Object, ...]:
    """The order in which objects of a release are removed."""
    return tuple(sorted(objects, key=_rank))


def remove(kube: Kube, release: Release, objects: Sequence[Object]) -> None:
    """Remove them, each on condition that it is the one that was read. What is gone already is no error.

    Raises Conflict when one was made anew since. Their pods end by themselves, within their grace period.
    """
    secrets_gone = False
    for obj in objects:
        if not secrets_gone and _rank(obj)[0] > _SECRETS:
            _remove_secrets(kube, release)
            secrets_gone = True
        kind, namespace, name = identity(obj)
        labels = obj["metadata"].get("labels") or {}
        if (labels.get(APP_LABEL), labels.get(RELEASE_LABEL)) != (release.app, release.id):
            raise PermanentError(f"{kind.kind} {namespace}/{name} does not belong to release {release.id}")
        kube.delete(kind, namespace, name, uid=obj["metadata"]["uid"])


def _remove_secrets(kube: Kube, release: Release) -> None:
    if any(ref.kind == SECRET.kind for ref in release.status.objects):
        selector = {"labelSelector": release_selector(release.app, release.id)}
        kube.request("DELETE", kube.path(SECRET, release.namespace), query=selector)


def _kinds(releases: Sequence[Release]) -> list[Kind]:
    known = {Kind(ref.api_version, ref.kind) for release in releases for ref in release.status.objects}
    return sorted((known | _ALWAYS) - {SECRET, RELEASE}, key=lambda kind: (kind.api_version, kind.kind))


def _rank(obj: Object) -> tuple[int, str, str]:
    return _ORDER.get(obj["kind"], _REST), obj["kind"], obj["metadata"]["name"]
