"""Live Deployments that are rolled: which release they are at, applying the next one, and how far that has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rainbow.adapters.kube import DEPLOYMENT, POD, Kind, Kube, Object, identity
from rainbow.adapters.readiness import is_ready, see_pod, see_workload, with_details
from rainbow.adapters.routes.traces import Trace, as_annotations, trace_of
from rainbow.decisions.readiness import Seen, WorkloadSeen
from rainbow.decisions.roll import Part, Rolled, standing
from rainbow.decisions.rolling import ROLLED_TO, not_rolled
from rainbow.errors import Conflict, Refused
from rainbow.model.names import APP_LABEL, RELEASE_LABEL

# For the roles of the steps that roll back, besides what they read: the kinds of a release, applied over what is there.
_APPLY = ["get", "create", "patch"]
ROLLING: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["services", "configmaps", "serviceaccounts"], "verbs": _APPLY},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": _APPLY},
    {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": _APPLY},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": _APPLY},
    # besides: which Deployments somebody else scales
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": [*_APPLY, "list"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": _APPLY},
    # why a pod is not ready
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]

AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler")
ATTEMPTS = 20  # the controller writes the status of a Deployment many times while it is rolled


def read_rolled(kube: Kube, namespace: str, app: str) -> Rolled | None:
    """Where the app is, by the Deployments that were ever rolled and are part of it still."""
    return standing([_part(obj) for obj in _deployments(kube, namespace, app)])


def put_rolled(kube: Kube, app: str, obj: Object, trace: Trace, token: int) -> None:
    """Create it, or apply it over what is there. Raises Refused for what is not the app's, or is not to be rolled.

    Whoever has a higher token was here since: Conflict, as with every other write of somebody else's.
    """
    made = _traced(obj, trace)
    for _ in range(ATTEMPTS):
        live = kube.get(*identity(obj))
        if live is None:
            kube.apply(made)  # not created: the next roll has to find out what to take away again
            return
        if whose := not_rolled(app, live):
            raise Refused(f"app {app} would take over what is not its own: {whose}. It was not touched")
        if (trace_of(live).token or 0) > token:
            raise Conflict(f"{obj['kind']} {obj['metadata']['name']} was rolled by a later run")
        there = {key: live["metadata"][key] for key in ("uid", "resourceVersion")}
        try:
            kube.apply(_with_live_replicas(kube, made | {"metadata": made["metadata"] | there}, live))
            return
        except Conflict:
            continue
    raise Conflict(f"{obj['kind']} {obj['metadata']['name']} is being written by others all the time")


def leave_behind(kube: Kube, namespace: str, app: str, objects: Sequence[Object]) -> list[str]:
    """Have Deployments that are not among the objects count no more; their pods stay as they are. Which ones."""
    names = {obj["metadata"]["name"] for obj in objects if obj["kind"] == DEPLOYMENT.kind}
    left = [obj for obj in _deployments(kube, namespace, app) if obj["metadata"]["name"] not in names]
    for obj in left:
        meta = {"resourceVersion": obj["metadata"]["resourceVersion"], "annotations": {ROLLED_TO: None}}
        kube.patch(DEPLOYMENT, namespace, obj["metadata"]["name"], {"metadata": meta})
    return [obj["metadata"]["name"] for obj in left]


def observe_roll(kube: Kube, namespace: str, app: str, names: Sequence[str], release: str, *, details: bool) -> Seen:
    """One look at the Deployments of these names, and at the pods of the release that are not ready."""
    there = {obj["metadata"]["name"]: obj for obj in _deployments(kube, namespace, app)}
    pods = kube.list(POD, namespace, labels=f"{APP_LABEL}={app},!{RELEASE_LABEL}")
    unready = [see_pod(pod) for pod in pods if _rolled_to(pod) == release and not is_ready(pod)]
    return Seen(
        workloads=tuple(_progress(obj) for name, obj in there.items() if name in names),
        pods=tuple(with_details(kube, namespace, pod) for pod in unready) if details else tuple(unready),
        missing=tuple(f"Deployment {name}" for name in names if name not in there),
    )


def _progress(obj: Object) -> WorkloadSeen:
    seen, status = see_workload(obj), obj.get("status") or {}
    updated = status.get("updatedReplicas") or 0
    old = (status.get("replicas") or 0) - updated
    if not seen.done or old > 0:
        left = f", {old} of the release before left" if old > 0 else ""
        return replace(seen, done=False, progress=f"{updated} of {seen.pods} pods updated, {seen.progress}{left}")
    return seen


def _deployments(kube: Kube, namespace: str, app: str) -> list[Object]:
    found = kube.list(DEPLOYMENT, namespace, labels=f"{APP_LABEL}={app},!{RELEASE_LABEL}")
    return [obj for obj in found if _rolled_to(obj) is not None]


def _rolled_to(obj: Object) -> str | None:
    found: str | None = (obj["metadata"].get("annotations") or {}).get(ROLLED_TO)
    return found


def _part(obj: Object) -> Part:
    meta, status, trace = obj["metadata"], obj.get("status") or {}, trace_of(obj)
    pods = (obj["spec"]["template"].get("metadata") or {}).get("annotations") or {}
    seen = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    # Whether its pods are ready is another matter: one that fails later does not take the app anywhere else.
    only_new = (status.get("replicas") or 0) == (status.get("updatedReplicas") or 0)
    return Part(
        name=meta["name"],
        # What its pods are, also after `kubectl rollout undo`, which changes nothing but them.
        release=pods.get(ROLLED_TO) or meta["annotations"][ROLLED_TO],
        settled=seen and only_new,
        previous=trace.previous,
        at=trace.at,
        token=trace.token,
        ordered_at=trace.ordered_at,
    )


def _traced(obj: Object, trace: Trace) -> Object:
    """With what the roll leaves on each Deployment, in the very write that rolls it."""
    if obj["kind"] != DEPLOYMENT.kind:
        return obj
    meta = obj["metadata"]
    return obj | {"metadata": meta | {"annotations": {**(meta.get("annotations") or {}), **as_annotations(trace)}}}


def _with_live_replicas(kube: Kube, obj: Object, live: Object) -> Object:
    """What an autoscaler has set stays: a fixed count would end pods that are in use.

    So would none at all, of which the API server makes one, when an earlier release had it and this one has not.
    """
    if obj["kind"] != DEPLOYMENT.kind:
        return obj
    if (obj.get("spec") or {}).get("replicas") is not None:
        scaled = [h["spec"]["scaleTargetRef"] for h in kube.list(AUTOSCALER, obj["metadata"]["namespace"])]
        if not any(t["kind"] == DEPLOYMENT.kind and t["name"] == obj["metadata"]["name"] for t in scaled):
            return obj
    return obj | {"spec": obj["spec"] | {"replicas": live["spec"].get("replicas", 1)}}
