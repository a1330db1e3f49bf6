"""Live objects as their owner would have written them: the base of an app that has none, so that it can be adopted.

What the API server and controllers have added is left out, and so is what belongs to another app of the namespace.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rainbow.decisions.rendering import pod_spec
from rainbow.model.names import RELEASE_LABEL

Object = dict[str, Any]

_ADDED_META = ("kubectl.kubernetes.io/", "deployment.kubernetes.io/", "meta.helm.sh/", "field.cattle.io/")
_ADDED_SERVICE = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")
# What the API server fills in when nothing is said (Kubernetes API reference): only noise in a file.
_DEFAULTS: Mapping[str, Any] = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "revisionHistoryLimit": 10,
    "progressDeadlineSeconds": 600,
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "resources": {},
    "creationTimestamp": None,
}


@dataclass(frozen=True)
class LiveBase:
    """The base, and a line for everything of the namespace that is not in it, with the reason."""

    objects: tuple[Object, ...]
    left_out: tuple[str, ...]


def live_base(route: Object, live: Sequence[Object], behind: Sequence[str], others: Sequence[str]) -> LiveBase:
    """What an app in a namespace consists of.

    `behind`: Services that its route leads to; `others`: those that other routes lead to. A Deployment that stands
    behind others alone is theirs; everything else that runs is the app's.
    """
    services = [obj for obj in live if obj["kind"] == "Service"]
    theirs = {name for service in services if _name(service) in others for name in selected(service, live)}
    ours = {name for service in services if _name(service) in behind for name in selected(service, live)}
    taken: list[Object] = []
    left: list[str] = []
    deployments = [obj for obj in live if obj["kind"] == "Deployment"]
    for obj in deployments:
        if why := _not_ours(obj) or ("is behind another route" if _name(obj) in theirs - ours else None):
            left.append(f"{obj['kind']} {_name(obj)} {why}")
        else:
            taken.append(obj)
    for obj in live:
        if obj["kind"] in ("StatefulSet", "DaemonSet", "CronJob") and not _not_ours(obj):
            left.append(
                f"{obj['kind']} {_name(obj)}: only Deployments can be adopted; it stays as it is, beside releases"
            )
    used = _used(taken)
    for obj in live:
        if obj["kind"] not in ("Deployment", "StatefulSet", "DaemonSet", "CronJob", route["kind"]) and not _not_ours(
            obj
        ):
            taken += [obj] if _belongs(obj, deployments, taken, used) else []
    return LiveBase(tuple(as_written(obj) for obj in [route, *taken]), tuple(left))


def as_written(obj: Object) -> Object:
    """The object without what others than its owner have put there."""
    found: Object = _without_defaults({key: value for key, value in copy.deepcopy(obj).items() if key != "status"})
    meta, spec = obj["metadata"], found.get("spec") or {}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if not k.startswith(_ADDED_META)}
    kept = {"name": meta["name"], "labels": meta.get("labels"), "annotations": notes}
    found["metadata"] = {key: value for key, value in kept.items() if value}
    if obj["kind"] == "Service":
        headless = spec.get("clusterIP") == "None"
        found["spec"] = {key: value for key, value in spec.items() if key not in _ADDED_SERVICE}
        found["spec"] |= {"clusterIP": "None"} if headless else {}
        for port in found["spec"].get("ports") or []:
            port.pop("nodePort", None)
    return found


def _belongs(obj: Object, all_of_them: Sequence[Object], taken: Sequence[Object], used: set[tuple[str, str]]) -> bool:
    if obj["kind"] == "HorizontalPodAutoscaler":
        return ("Deployment", obj["spec"]["scaleTargetRef"]["name"]) in {(o["kind"], _name(o)) for o in taken}
    if obj["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        names = {_name(o) for o in taken if o["kind"] == "Deployment"}
        return bool(set(selected(obj, all_of_them)) & names)
    return (obj["kind"], _name(obj)) in used


def selected(obj: Object, live: Sequence[Object]) -> list[str]:
    """The Deployments whose pods an object selects by its labels."""
    spec = obj.get("spec") or {}
    selector = spec.get("selector") or spec.get("podSelector") or {}
    labels = selector.get("matchLabels", {} if "matchExpressions" in selector else selector)
    templates = [(o, (o.get("spec") or {}).get("template") or {}) for o in live if o["kind"] == "Deployment"]
    pods = [(o, (template.get("metadata") or {}).get("labels") or {}) for o, template in templates]
    return [_name(o) for o, has in pods if labels and labels.items() <= has.items()]


def _used(workloads: Iterable[Object]) -> set[tuple[str, str]]:
    """ConfigMaps and ServiceAccounts that pods name."""
    found: set[tuple[str, str]] = set()
    for obj in workloads:
        spec = pod_spec(obj) or {}
        if (account := spec.get("serviceAccountName")) and account != "default":
            found.add(("ServiceAccount", account))
        found |= {("ConfigMap", name) for name in _config_maps(spec)}
    return found


def _config_maps(part: Any) -> Iterable[str]:
    if isinstance(part, list):
        for item in part:
            yield from _config_maps(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("configMap", "configMapRef", "configMapKeyRef") and isinstance(value, dict):
                yield from (value[at] for at in ("name",) if value.get(at))
            else:
                yield from _config_maps(value)


def _not_ours(obj: Object) -> str | None:
    meta = obj["metadata"]
    if release := (meta.get("labels") or {}).get(RELEASE_LABEL):
        return f"belongs to release {release} already"
    if any(owner.get("controller") for owner in meta.get("ownerReferences") or []):
        return "is made by something else, which would make it again"
    return None


def _without_defaults(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_defaults(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_defaults(item) for key, item in value.items() if key not in _DEFAULTS or item != _DEFAULTS[key]
    }


def _name(obj: Object) -> str:
    name: str = obj["metadata"]["name"]
    return name
