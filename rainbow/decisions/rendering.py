"""What becomes of an app's base when it is made into a release: the kustomization that does it.

Kustomize itself does the work (name suffix, labels, images, env as a strategic merge patch); here it is only decided
what goes in. Objects that cannot live once per release are refused by name, before anything is applied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rainbow.decisions.rolling import roll_patches, roll_refusal, rolled_layer, split
from rainbow.decisions.tracking import untracked
from rainbow.errors import Refused
from rainbow.model.app import AppConfig
from rainbow.model.names import APP_LABEL, RELEASE_LABEL, release_labels
from rainbow.model.staying import Strategy

Object = dict[str, Any]

# Where each kind of workload keeps the specification of its pods.
POD_SPEC = {
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
# They belong to the cluster or to the app, whoever installs those, and outlive every release.
LEFT_OUT = {"Namespace", "CustomResourceDefinition"}
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
    "IngressClass",
    "RuntimeClass",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
# What a release may consist of, by API group: what the role of `deploy` lets it apply, and that of `delete` remove.
# Any other kind would fail half-way, or be left behind for ever.
RELEASABLE = {
    "": {"Service", "ConfigMap", "ServiceAccount"},
    "apps": {"Deployment", "StatefulSet", "DaemonSet"},
    "batch": {"Job", "CronJob"},
    "policy": {"PodDisruptionBudget"},
    "autoscaling": {"HorizontalPodAutoscaler"},
    "networking.k8s.io": {"NetworkPolicy"},
}
# A second one of these, beside the one of the release before, would take part of the users' traffic at once.
ROUTES = {"Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "IngressRoute", "VirtualService"}


@dataclass(frozen=True)
class Overlay:
    """A kustomization over the objects in `resources`. `left_out` says what is not part of a release, and why."""

    resources: tuple[Object, ...]
    kustomization: Object
    left_out: tuple[str, ...]


def overlay(app: AppConfig, release: str, base: Sequence[Object], images: Mapping[str, str]) -> Overlay:
    """The kustomization that makes a release of the base. `images`: name in the base → reference to run.

    Raises Refused, naming every object of the base that cannot live once per release.
    """
    if app.strategy is Strategy.ROLLING:
        return rolled_overlay(app, release, base, images)
    taken, _ = split(app, kept(app, base))
    if complaints := refusals(app, taken):
        raise Refused(
            f"the base of app {app.app} cannot be released beside another release:\n  " + "\n  ".join(complaints)
        )
    if not taken:
        raise Refused(
            f"the base of app {app.app} holds nothing that could be a release; see manifests.{app.manifests.key}"
        )
    kustomization: Object = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": app.namespace,
        "nameSuffix": f"-{release}",
        "labels": [{"pairs": release_labels(app.app, release), "includeSelectors": True, "includeTemplates": True}],
        "images": [_image(name, reference) for name, reference in sorted(images.items())],
        "patches": [{"patch": json.dumps(p)} for obj in taken if (p := _env_patch(obj, app.release_env, release))],
        # What others refer to comes first: ServiceAccounts, ConfigMaps, Services, then workloads.
        "sortOptions": {"order": "legacy"},
    }
    resources = tuple(map(untracked, taken))
    return Overlay(resources, kustomization, tuple(why for obj in base if (why := _left_out(app, obj))))


def rolled_overlay(app: AppConfig, release: str, base: Sequence[Object], images: Mapping[str, str]) -> Overlay:
    """The same for what of the base is rolled: names and selectors stay, so that live objects are updated in place."""
    _, taken = split(app, kept(app, base))
    if complaints := [*refusals(app, taken), *(text for obj in taken if (text := roll_refusal(obj)))]:
        raise Refused(f"the base of app {app.app} cannot be rolled:\n  " + "\n  ".join(complaints))
    if not taken:
        raise Refused(
            f"the base of app {app.app} holds nothing that could be rolled; see manifests.{app.manifests.key}"
        )
    env = [patch for obj in taken if (patch := _env_patch(obj, app.release_env, release))]
    kustomization: Object = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": app.namespace,
        **rolled_layer(app, release),
        "images": [_image(name, reference) for name, reference in sorted(images.items())],
        "patches": [{"patch": json.dumps(patch)} for patch in (*env, *roll_patches(app, taken))],
        "sortOptions": {"order": "legacy"},
    }
    resources = tuple(map(untracked, taken))
    return Overlay(resources, kustomization, tuple(why for obj in base if (why := _left_out(app, obj))))


def kept(app: AppConfig, base: Sequence[Object]) -> list[Object]:
    """The objects of the base that become part of a release."""
    return [obj for obj in base if not _left_out(app, obj)]


def refusals(app: AppConfig, base: Sequence[Object]) -> list[str]:
    """One line for every object of the base that cannot live once per release, with what to do instead."""
    return [text for obj in base if not _left_out(app, obj) and (text := _refusal(app, obj))]


def foreign(app: str, release: str, live: Object | None) -> str | None:
    """Whose an object of the cluster is, when it is not exactly this release's: then it is not touched (S4)."""
    if live is None:
        return None
    labels = live["metadata"].get("labels") or {}
    if release_labels(app, release).items() <= labels.items():
        return None
    owner, other = labels.get(APP_LABEL), labels.get(RELEASE_LABEL)
    whose = f"belongs to release {other} of app {owner}" if owner and other else "was made by somebody else"
    return f"{describe(live)} {whose}"


def restore_bare_services(base: Sequence[Object], rendered: Sequence[Object], release: str) -> list[Object]:
    """Take the selector from Services that have none in the base: kustomize adds labels there regardless."""
    bare = {f"{o['metadata']['name']}-{release}" for o in base if o["kind"] == "Service" and not _selector(o)}
    return [_without_selector(o) if o["kind"] == "Service" and o["metadata"]["name"] in bare else o for o in rendered]


def describe(obj: Object) -> str:
    """`Kind name`, for messages."""
    return f"{obj['kind']} {obj['metadata']['name']}"


def pod_spec(obj: Object) -> Object | None:
    """The pod specification in a workload, None for anything else."""
    if obj["kind"] not in POD_SPEC:
        return None
    found: Object = obj
    for key in POD_SPEC[obj["kind"]]:
        found = dict(found.get(key) or {})
    return found or None


def _left_out(app: AppConfig, obj: Object) -> str | None:
    if obj["kind"] in LEFT_OUT:
        return f"{describe(obj)}: outlives every release; apply it once, by hand or with your platform"
    entry = app.route.entry
    if (obj["kind"], obj["metadata"]["name"]) == (entry.document_kind, entry.document_name):
        return f"{describe(obj)}: the route of the app; only a switch touches it"
    return None


def _refusal(app: AppConfig, obj: Object) -> str | None:
    kind, meta, spec = obj["kind"], obj["metadata"], obj.get("spec") or {}
    reason = None
    if kind in CLUSTER_WIDE:
        reason = "belongs to the whole cluster; take it out of the base and apply it once"
    elif kind in ROUTES:
        only = f"only {app.route.entry.document_kind} {app.route.entry.document_name} of route.{app.route.key}"
        reason = f"would carry users' traffic before the switch; {only} may be there"
    elif kind == "PersistentVolumeClaim":
        reason = (
            "would give each release an empty volume of its own, deleted with it; "
            "keep the claim outside of the base and refer to it by name"
        )
    elif kind == "StatefulSet" and spec.get("volumeClaimTemplates"):
        reason = (
            "has volumeClaimTemplates: each release would begin with empty volumes; keep what has to last outside "
            "of the app, and use an ephemeral volume for scratch space"
        )
    elif kind == "Service" and any(port.get("nodePort") for port in spec.get("ports") or []):
        reason = "has a fixed nodePort, which only one release can have; leave nodePort out"
    elif kind == "Secret":
        reason = (
            "would stay readable in the record of the release; "
            "make the Secret once beside the releases and refer to it by name"
        )
    elif kind not in RELEASABLE.get(obj["apiVersion"].rpartition("/")[0], ()):
        reason = (
            f"is of a kind ({obj['apiVersion']}) that a release cannot have; "
            "take it out of the base and apply it once beside the releases"
        )
    elif meta.get("namespace") not in (None, app.namespace):
        reason = f"is meant for namespace {meta['namespace']}, but the app lives in {app.namespace}"
    return f"{describe(obj)} {reason}" if reason else None


def _image(name: str, reference: str) -> Object:
    # registry:5000/path/name[:tag][@sha256:…]; a colon after the last slash begins a tag.
    rest, _, digest = reference.partition("@")
    path, slash, last = rest.rpartition("/")
    last, _, tag = last.partition(":")
    entry = {"name": name, "newName": path + slash + last}
    return entry | ({"digest": digest} if digest else {"newTag": tag or "latest"})


def _env_patch(obj: Object, variable: str, release: str) -> Object | None:
    spec = pod_spec(obj)
    if spec is None:
        return None
    # `valueFrom: null` takes away what the base may have there: an entry with both is not valid.
    env = [{"name": variable, "value": release, "valueFrom": None}]
    patched: Object = {
        key: [{"name": container["name"], "env": env} for container in spec[key]]
        for key in ("initContainers", "containers")
        if spec.get(key)
    }
    for key in reversed(POD_SPEC[obj["kind"]]):
        patched = {key: patched}
    # Without a namespace that stands in the base the patch would be for another object.
    meta = {key: obj["metadata"][key] for key in ("name", "namespace") if obj["metadata"].get(key)}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta} | patched


def _selector(service: Object) -> object:
    return (service.get("spec") or {}).get("selector")


def _without_selector(service: Object) -> Object:
    return service | {"spec": {key: value for key, value in service["spec"].items() if key != "selector"}}
