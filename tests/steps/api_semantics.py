"""What the Kubernetes API does with paths, selectors and patches, as plain functions over plain objects."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rainbow.adapters.kube import NotThere, Object
from rainbow.errors import Conflict

KINDS = {
    "releases": ("rainbow.dev/v1alpha1", "Release"),
    "policies": ("rainbow.dev/v1alpha1", "Policy"),
    "ingresses": ("networking.k8s.io/v1", "Ingress"),
    "networkpolicies": ("networking.k8s.io/v1", "NetworkPolicy"),
    "httproutes": ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    "services": ("v1", "Service"),
    "configmaps": ("v1", "ConfigMap"),
    "serviceaccounts": ("v1", "ServiceAccount"),
    "pods": ("v1", "Pod"),
    "events": ("v1", "Event"),
    "deployments": ("apps/v1", "Deployment"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "jobs": ("batch/v1", "Job"),
    "cronjobs": ("batch/v1", "CronJob"),
    "poddisruptionbudgets": ("policy/v1", "PodDisruptionBudget"),
    "horizontalpodautoscalers": ("autoscaling/v2", "HorizontalPodAutoscaler"),
    "leases": ("coordination.k8s.io/v1", "Lease"),
    "workflows": ("argoproj.io/v1alpha1", "Workflow"),
    "workflowtemplates": ("argoproj.io/v1alpha1", "WorkflowTemplate"),
    "cronworkflows": ("argoproj.io/v1alpha1", "CronWorkflow"),
    "namespaces": ("v1", "Namespace"),
    "roles": ("rbac.authorization.k8s.io/v1", "Role"),
    "rolebindings": ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    "customresourcedefinitions": ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    "validatingadmissionpolicies": ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    "validatingadmissionpolicybindings": ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
}


@dataclass(frozen=True)
class Place:
    """What a URL path names: a kind, perhaps in one namespace, perhaps one object of it or a part of that."""

    plural: str
    namespace: str | None
    name: str | None = None
    subresource: str | None = None


@lru_cache(maxsize=10_000)
def parse(path: str) -> Place | None:
    """The place; None for a path that asks what the API server has. Raises NotThere for a kind it does not have."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if not rest:
        return None
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    if rest[0] not in KINDS:
        raise NotThere(path)
    plural, name, subresource, *_ = [*rest, None, None]
    assert plural
    return Place(plural, namespace, name, subresource)


def discover(path: str) -> Object:
    """What `/api/v1`, `/apis/GROUP` and `/apis/GROUP/VERSION` answer."""
    version = path.split("/", 2)[2]
    known = {p: kind for p, (v, kind) in KINDS.items() if v == version}
    if known:
        resources = [{"name": p, "kind": kind, "namespaced": True} for p, kind in known.items()]
        return {"groupVersion": version, "resources": resources}
    served = sorted({v for v, _ in KINDS.values() if v.startswith(f"{version}/")})
    if not served:
        raise NotThere(path)
    return {"versions": [{"groupVersion": v} for v in served]}


def has_labels(obj: Object, selector: str) -> bool:
    """Whether a label selector matches (Kubernetes, "Labels and Selectors")."""
    labels = obj["metadata"].get("labels") or {}
    return all(holds(labels) for holds in _requirements(selector))


@lru_cache(maxsize=10_000)
def _requirements(selector: str) -> tuple[Callable[[dict[str, str]], bool], ...]:
    return tuple(map(_requirement, filter(None, re.split(r",(?![^(]*\))", selector))))


def _requirement(part: str) -> Callable[[dict[str, str]], bool]:
    if many := re.fullmatch(r"(\S+) in \((.*)\)", part):
        key, values = many[1], many[2].split(",")
        return lambda labels: labels.get(key) in values
    if "!=" in part:
        name, _, value = part.partition("!=")
        return lambda labels: labels.get(name) != value
    name, equals, value = part.removeprefix("!").partition("=")
    there = not part.startswith("!")
    if equals:
        return lambda labels: (labels.get(name) == value) is there
    return lambda labels: (name in labels) is there


def has_fields(obj: Object, selector: str) -> bool:
    """Whether a field selector matches: `a.b=c`, joined by commas."""
    for part in filter(None, selector.split(",")):
        path, _, value = part.partition("=")
        found: Any = obj
        for key in path.split("."):
            found = (found or {}).get(key)
        if found != value:
            return False
    return True


def merge(old: Any, new: Any) -> Any:
    """A JSON merge patch (RFC 7396). What is not changed is shared with the old one."""
    if not isinstance(new, dict):
        return new
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def json_patch(old: Object, operations: list[Object]) -> Object:
    """A JSON patch (RFC 6902). Raises Conflict when it does not fit, as the client does."""
    patched = copy.deepcopy(old)
    for operation in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        at: Any = patched
        try:
            for part in way:
                at = at[int(part)] if isinstance(at, list) else at[part]
            _operate(at, last, operation)
        except (KeyError, IndexError) as error:
            raise Conflict(f"{operation['path']} is not there") from error
    return patched


def _operate(at: Any, last: str, operation: Object) -> None:
    key: Any = last
    if isinstance(at, list):
        key = len(at) if last == "-" else int(last)
    if operation["op"] == "remove":
        del at[key]
    elif operation["op"] == "add" and isinstance(at, list):
        at.insert(key, copy.deepcopy(operation["value"]))
    elif operation["op"] == "add":
        at[key] = copy.deepcopy(operation["value"])
    elif operation["op"] == "replace":
        at[key] = (at[key], copy.deepcopy(operation["value"]))[1]  # it has to be there
    elif at[key] != operation["value"]:
        raise Conflict(f"{operation['path']} is {at[key]}")
