"""What `adopt` reads and writes: the objects of the base and the pods as they are, each patched as it was read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rainbow.adapters.kube import POD, RELEASE, Kind, Kube, NotThere, Object, identity
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.records import read_release
from rainbow.adapters.routes import carried_services, read_route
from rainbow.decisions.adopt import AdoptFacts, Change
from rainbow.decisions.plain import Key, running_images
from rainbow.decisions.rendering import overlay
from rainbow.errors import BadInput, Conflict, Refused
from rainbow.model.app import AppConfig
from rainbow.model.names import APP_LABEL, record_name
from rainbow.model.release import Release, ReleaseSpec, ReleaseStatus
from rainbow.model.staying import Strategy

# The kinds that a base may hold (RELEASABLE), read and labelled; and the pods that run of it.
_TAKEN = ["get", "patch"]
ADOPTING: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["services", "configmaps", "serviceaccounts"], "verbs": _TAKEN},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": _TAKEN},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": _TAKEN},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _TAKEN},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": _TAKEN},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]},
]


def parts(app: AppConfig, release: str, manifests: str) -> Sequence[Object]:
    """What of the base becomes the release. Raises Refused for what no release can have."""
    if app.strategy is Strategy.ROLLING:
        raise Refused(
            f"app {app.app} is rolled: what runs keeps its names, and nothing is to be adopted. Say that it is the "
            f"app's own, kubectl label -n {app.namespace} KIND/NAME {APP_LABEL}={app.app}, and release"
        )
    return overlay(app, release, load_objects(manifests), {}).resources


def read_live(kube: Kube, app: AppConfig, base: Sequence[Object]) -> dict[Key, Object]:
    """The same objects as they are in the cluster, as far as they are there."""
    kinds = [(Kind(obj["apiVersion"], obj["kind"]), obj["metadata"]["name"]) for obj in base]
    found = ((kind, name, kube.get(kind, app.namespace, name)) for kind, name in kinds)
    return {(kind.kind, name): obj for kind, name, obj in found if obj is not None}


def read_facts(kube: Kube, release: Release) -> AdoptFacts:
    """One look at everything that the decision needs."""
    app = release.spec.app
    base = parts(app, release.id, release.spec.manifests)
    return AdoptFacts(
        release=release,
        route=read_route(kube, app),
        carried=carried_services(release),
        base=base,
        live=read_live(kube, app, base),
        pods=kube.list(POD, app.namespace),
    )


def apply_change(kube: Kube, change: Change) -> None:
    """Patch the object, provided that it is as it was read. Raises Conflict. A pod that has gone meanwhile is none."""
    kind, namespace, name = identity(change.obj)
    meta: Object = {"uid": change.obj["metadata"]["uid"]}
    if kind != POD:  # a pod's status changes all the time, and its name is never used again
        meta = {"resourceVersion": change.obj["metadata"]["resourceVersion"]}
    patch = {**change.patch, "metadata": {**change.patch.get("metadata", {}), **meta}}
    try:
        kube.patch(kind, namespace, name, patch)
    except NotThere as error:
        if kind != POD:
            raise Conflict(f"{kind.kind} {namespace}/{name} is gone") from error


def describe_adopted(kube: Kube, app: AppConfig, release: str, manifests: str, images: dict[str, str]) -> ReleaseSpec:
    """The spec of the record: the base, and the images that run. Raises BadInput when they cannot be told."""
    base = parts(app, release, manifests)
    running, differing = running_images(base, read_live(kube, app, base))
    if differing:
        raise BadInput(
            f"what runs in namespace {app.namespace} is not one release of app {app.app}: {'; '.join(differing)}"
        )
    return ReleaseSpec(release=release, app=app, manifests=manifests, images=running | images, adopted=True)


def known(kube: Kube, spec: ReleaseSpec) -> Release | None:
    """The record of an adoption that was begun before. Raises BadInput for that of an ordinary release."""
    if kube.get(RELEASE, spec.app.namespace, record_name(spec.app.app, spec.release)) is None:
        return None
    found = read_release(kube, spec.app.namespace, spec.app.app, spec.release)
    if not found.spec.adopted:
        raise BadInput(
            f"release {spec.release} of app {spec.app.app} exists already in namespace {spec.app.namespace}, and was "
            "not adopted; choose another id"
        )
    return found


def would_be(spec: ReleaseSpec, now: datetime) -> Release:
    """The release, as it will be once its record is written."""
    namespace = spec.app.namespace
    return Release(namespace=namespace, uid="", resource_version="", created=now, spec=spec, status=ReleaseStatus())
