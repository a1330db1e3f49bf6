"""What of a base is updated in place (F2), and how: for a whole app, or for some Deployments beside releases.

No object that is rolled bears the label of a release, by which alone objects are ever deleted: what one release has is
what the next one has.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rainbow.model.app import AppConfig
from rainbow.model.names import APP_LABEL, GROUP, RELEASE_LABEL
from rainbow.model.rolling import Mode, Rolling
from rainbow.model.staying import Strategy

Object = dict[str, Any]

ROLLED_TO = f"{GROUP}/rolled-to"  # annotation of every object that is rolled, and of the pods: the release
_SETTINGS = {
    Mode.SURGE: {"maxSurge": 1, "maxUnavailable": 0},
    Mode.UNAVAILABLE: {"maxSurge": 0, "maxUnavailable": 1},
    Mode.BOTH: {"maxSurge": "25%", "maxUnavailable": "25%"},
}
# Nothing tells how these are to be updated in step with the Deployments, and a Job cannot be at all.
_NOT_ROLLED = {"StatefulSet", "DaemonSet", "Job"}
_WORKLOADS = {"Deployment", "CronJob", *_NOT_ROLLED}
_SELECTORS = {"Service": "selector", "PodDisruptionBudget": "selector", "NetworkPolicy": "podSelector"}
_REFERRED = {"ConfigMap", "ServiceAccount"}  # by the name of each in the specification of a pod


def rolled_layer(app: AppConfig, release: str) -> Object:
    """The part of a kustomization that marks objects as rolled: plain names, selectors as they are."""
    return {
        "labels": [{"pairs": {APP_LABEL: app.app}, "includeSelectors": False, "includeTemplates": True}],
        "commonAnnotations": {ROLLED_TO: release},
    }


def roll_patches(app: AppConfig, base: Sequence[Object]) -> list[Object]:
    """How each Deployment replaces its pods, as strategic merge patches."""
    settings = _SETTINGS[(app.rolling or Rolling()).mode]
    # Replaced as a whole: kustomize writes a number over a text ("25%") as a text, which Kubernetes refuses.
    strategy = {"spec": {"strategy": {"$patch": "replace", "type": "RollingUpdate", "rollingUpdate": settings}}}
    heads = [
        {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "metadata": {key: obj["metadata"][key] for key in ("name", "namespace") if obj["metadata"].get(key)},
        }
        for obj in base
        if obj["kind"] == "Deployment"
    ]
    return [head | strategy for head in heads]


def split(app: AppConfig, base: Sequence[Object]) -> tuple[list[Object], list[Object]]:
    """What of the base each release has for itself, and what is rolled.

    Beside the Deployments that are named, those objects are rolled that are about their pods alone; what their pods
    refer to by name is there for both.
    """
    if app.strategy is Strategy.ROLLING:
        return [], list(base)
    named = {obj["metadata"]["name"]: obj for obj in base if obj["kind"] == "Deployment"}
    rolled = [obj for name, obj in named.items() if name in app.rolled_workloads]
    if not rolled:
        return list(base), []
    others = [_pod_labels(obj) for obj in base if obj["kind"] in _WORKLOADS and obj not in rolled]
    about = [obj for obj in base if _is_about(obj, rolled) and not any(_selects(obj, labels) for labels in others)]
    referred = json.dumps(rolled)
    used = [o for o in base if o["kind"] in _REFERRED and json.dumps(o["metadata"]["name"]) in referred]
    return [obj for obj in base if obj not in rolled + about], used + about + rolled


def _is_about(obj: Object, rolled: Sequence[Object]) -> bool:
    target = (obj.get("spec") or {}).get("scaleTargetRef") or {}
    if target.get("name") in [each["metadata"]["name"] for each in rolled] and target.get("kind") == "Deployment":
        return True
    return any(_selects(obj, _pod_labels(each)) for each in rolled)


def _selects(obj: Object, labels: dict[str, str]) -> bool:
    """Whether a Service, PodDisruptionBudget or NetworkPolicy is about pods with these labels."""
    if obj["kind"] not in _SELECTORS:
        return False
    selector = (obj.get("spec") or {}).get(_SELECTORS[obj["kind"]]) or {}
    wanted = selector if obj["kind"] == "Service" else selector.get("matchLabels") or {}
    return bool(wanted) and wanted.items() <= labels.items()


def _pod_labels(workload: Object) -> dict[str, str]:
    spec = workload.get("spec") or {}
    template = spec.get("template") or ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    labels: dict[str, str] = (template.get("metadata") or {}).get("labels") or {}
    return labels


def roll_refusal(obj: Object) -> str | None:
    """Why an object cannot be rolled, and what to do instead."""
    if obj["kind"] not in _NOT_ROLLED:
        return None
    return f"{obj['kind']} {obj['metadata']['name']} cannot be rolled, only Deployments can; use strategy: rainbow"


def not_rolled(app: str, live: Object | None) -> str | None:
    """Whose an object of the cluster is, when it is not one that this app rolls: then it is not touched."""
    if live is None:
        return None
    labels = live["metadata"].get("labels") or {}
    what = f"{live['kind']} {live['metadata']['name']}"
    if RELEASE_LABEL in labels:
        return f"{what} belongs to release {labels[RELEASE_LABEL]} of app {labels.get(APP_LABEL)}"
    if labels.get(APP_LABEL) == app:
        return None
    return f"{what} was made by somebody else; if it is the app's own: kubectl label {live['kind'].lower()} " + (
        f"-n {live['metadata'].get('namespace')} {live['metadata']['name']} {APP_LABEL}={app}"
    )
