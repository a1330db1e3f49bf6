"""The workflow controllers of Argo in a cluster, by their pods: version, what they watch, and their instanceID.

Their pods are known by the labels of Argo's own manifests, of its Helm chart, and of those who follow Kubernetes'
recommended labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from rainbow.adapters.kube import CONFIG_MAP, POD, Forbidden, Kube, Object
from rainbow.decisions.surroundings import Controller

_NAMES = "workflow-controller,argo-workflows-workflow-controller"
_SELECTORS = (
    "app=workflow-controller",
    f"app.kubernetes.io/name in ({_NAMES})",
    "app.kubernetes.io/component=workflow-controller",
)
_USUAL = ("argo", "argo-workflows", "argo-system")
_CONFIG = "workflow-controller-configmap"


def find_controllers(kube: Kube, namespace: str) -> tuple[Controller, ...] | None:
    """All that can be seen; None when nobody may look everywhere, and none was found where one may."""
    try:
        pods, everywhere = _pods(kube, None), True
    except Forbidden:
        pods, everywhere = [], False
        for place in dict.fromkeys((namespace, *_USUAL)):
            try:
                pods += _pods(kube, place)
            except Forbidden:
                continue
    found = {(c.namespace, c.name): c for pod in pods if (c := _controller(kube, pod)) is not None}
    return tuple(found.values()) if found or everywhere else None


def _pods(kube: Kube, namespace: str | None) -> list[Object]:
    found = [pod for selector in _SELECTORS for pod in kube.list(POD, namespace, labels=selector)]
    return list({pod["metadata"]["uid"]: pod for pod in found}.values())


def _controller(kube: Kube, pod: Object) -> Controller | None:
    containers = pod["spec"]["containers"]
    ours = next((c for c in containers if "workflow-controller" in f"{c['name']} {c.get('image')}"), None)
    if ours is None:
        return None
    arguments = [*(ours.get("command") or []), *(ours.get("args") or [])]
    meta = pod["metadata"]
    watches = None
    if _flag(arguments, "--namespaced") not in (None, "false"):
        watches = _flag(arguments, "--managed-namespace") or meta["namespace"]
    conditions = (pod.get("status") or {}).get("conditions") or []
    return Controller(
        namespace=meta["namespace"],
        name=meta["name"],
        version=(meta.get("labels") or {}).get("app.kubernetes.io/version") or _tag(ours.get("image") or ""),
        watches=watches,
        instance_id=_instance(kube, meta["namespace"], _flag(arguments, "--configmap") or _CONFIG),
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in conditions),
    )


def _flag(arguments: Sequence[str], name: str) -> str | None:
    """The value of a flag, given as `--name=value`, `--name value` or, for a switch, `--name`; None without it."""
    for number, argument in enumerate(arguments):
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
        if argument == name:
            following = arguments[number + 1] if number + 1 < len(arguments) else "--"
            return "true" if following.startswith("-") else following
    return None


def _tag(image: str) -> str | None:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2] or None


def _instance(kube: Kube, namespace: str, name: str) -> str | None:
    """In the data itself, or in the one document that older installations keep all settings in."""
    try:
        data: dict[str, Any] = (kube.get(CONFIG_MAP, namespace, name) or {}).get("data") or {}
    except Forbidden:
        return ""
    try:
        whole = yaml.safe_load(data.get("config") or "")
    except yaml.YAMLError:
        whole = None
    found = data.get("instanceID") or (whole.get("instanceID") if isinstance(whole, dict) else None)
    return str(found) if found else None
