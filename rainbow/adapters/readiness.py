"""How a release is doing, as the API server tells it: workloads, Services and endpoints, pods that are not ready.

A handful of list calls per look, however many objects the release has; events and logs only when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from rainbow.adapters.kube import ENDPOINT_SLICE, EVENT, POD, Kind, Kube, Object
from rainbow.decisions.readiness import ContainerSeen, PodSeen, Seen, ServiceSeen, WorkloadSeen
from rainbow.errors import RainbowError
from rainbow.model.names import release_selector
from rainbow.model.release import ObjectRef, Release

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job"}
STEP_LABEL = "rainbow.dev/step"  # on pods that a step made for itself: they are not part of the release's work
LAST_LINES = 15
EVENTS = {"Unhealthy", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Failed"}


def observe(kube: Kube, release: Release, expected: Iterable[ObjectRef], *, details: bool) -> Seen:
    """One look. `details` adds the last warning about each pod that is not ready, and the end of its logs."""
    namespace, labels = release.namespace, release_selector(release.app, release.id)
    wanted = [ref for ref in expected if ref.kind in WORKLOADS or ref.kind == "Service"]
    there: dict[tuple[str, str], Object] = {}
    for kind in sorted({(ref.api_version, ref.kind) for ref in wanted}):
        for obj in kube.list(Kind(*kind), namespace, labels=labels):
            there[kind[1], obj["metadata"]["name"]] = obj
    workloads = [obj for (kind, _), obj in there.items() if kind in WORKLOADS]
    services = [obj for (kind, _), obj in there.items() if kind == "Service"]
    pods = kube.list(POD, namespace, labels=f"{labels},!{STEP_LABEL}")
    slices = kube.list(ENDPOINT_SLICE, namespace, labels=labels) if services else []
    unready = [see_pod(pod) for pod in pods if not is_ready(pod)]
    return Seen(
        workloads=tuple(see_workload(obj) for obj in workloads),
        services=tuple(see_service(obj, workloads, slices) for obj in services if obj["spec"].get("selector")),
        pods=tuple(with_details(kube, namespace, pod) for pod in unready) if details else tuple(unready),
        missing=tuple(f"{ref.kind} {ref.name}" for ref in wanted if (ref.kind, ref.name) not in there),
    )


def see_pod(pod: Object) -> PodSeen:
    """What its status says about a pod that is not ready."""
    status = pod.get("status") or {}
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    scheduled = conditions.get("PodScheduled", {})
    initialising = any(not _init_done(s) for s in status.get("initContainerStatuses") or [])
    mains = {s["name"] for s in status.get("containerStatuses") or []}
    to_blame = [s for s in statuses if not s.get("ready") and not (initialising and s["name"] in mains)]
    return PodSeen(
        name=pod["metadata"]["name"],
        phase=status.get("phase", "Pending"),
        unready=tuple(seen for s in to_blame if (seen := _container(s))),
        unschedulable=scheduled.get("message") if scheduled.get("status") == "False" else None,
        message=": ".join(part for part in (status.get("reason"), status.get("message")) if part),
    )


def with_details(kube: Kube, namespace: str, pod: PodSeen) -> PodSeen:
    """The same with its last warning and the end of the logs of containers that exited."""
    events = kube.list(EVENT, namespace, fields=f"involvedObject.kind=Pod,involvedObject.name={pod.name}")
    warnings = [e for e in events if e.get("type") == "Warning" and e.get("reason") in EVENTS]
    warnings.sort(key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")
    last = f"{warnings[-1]['reason']}: {warnings[-1].get('message', '').strip()}" if warnings else None
    containers = tuple(
        replace(c, last_words=last_words(kube, namespace, pod.name, c)) if c.exit_code is not None else c
        for c in pod.unready
    )
    return replace(pod, event=last, unready=containers)


def last_words(kube: Kube, namespace: str, pod: str, container: ContainerSeen) -> str:
    """The end of the log of a container's latest run; why there is none instead, when there is none."""
    try:
        text = kube.pod_log(namespace, pod, container.name, tail=LAST_LINES)
        return text.strip()
    except RainbowError as error:  # its log is a help, not a need: it may be gone, or forbidden
        return f"(no log: {error})"


def _container(status: Object) -> ContainerSeen | None:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    if (state.get("terminated") or {}).get("exitCode") == 0 and not status.get("restartCount"):
        return None  # an init container, or a Job's, that has done its work
    waiting = state.get("waiting") or {}
    return ContainerSeen(
        name=status["name"],
        waiting=waiting.get("reason"),
        message=(waiting.get("message") or "").strip(),
        restarts=status.get("restartCount") or 0,
        exit_code=ended.get("exitCode"),
    )


def _init_done(status: Object) -> bool:
    ended = (status.get("state") or {}).get("terminated") or {}
    return bool(status.get("ready")) or ended.get("exitCode") == 0


def is_ready(pod: Object) -> bool:
    """Ready, or none that should become it: being deleted, or done."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp") or status.get("phase") == "Succeeded":
        return True
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or [])


def see_workload(obj: Object) -> WorkloadSeen:
    """How far it is rolled out."""
    kind, spec, status = obj["kind"], obj["spec"], obj.get("status") or {}
    name = f"{kind} {obj['metadata']['name']}"
    conditions = {c["type"]: c for c in status.get("conditions") or [] if c.get("status") == "True"}
    if kind == "Job":
        failed = conditions.get("Failed")
        return WorkloadSeen(
            name=name,
            pods=0,
            done="Complete" in conditions,
            progress=_said(failed) if failed else "not complete yet",
            failed=failed is not None,
        )
    pods, updated, ready = _counts(kind, spec, status)
    current = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    trouble = conditions.get("ReplicaFailure")
    return WorkloadSeen(
        name=name,
        pods=pods,
        done=current and updated >= pods and ready >= pods,
        progress=f"{ready} of {pods} pods ready" if current else "not looked at by its controller yet",
        trouble=_said(trouble) if trouble else None,
    )


def _counts(kind: str, spec: Any, status: Any) -> tuple[int, int, int]:
    """Pods wanted, of the newest template, and available."""
    if kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled") or 0
        return wanted, status.get("updatedNumberScheduled") or 0, status.get("numberAvailable") or 0
    replicas = spec.get("replicas")
    wanted = 1 if replicas is None else replicas
    return wanted, status.get("updatedReplicas") or 0, min(status.get(key) or 0 for key in _READY[kind])


_READY = {"Deployment": ("readyReplicas", "availableReplicas"), "StatefulSet": ("readyReplicas", "availableReplicas")}


def _said(condition: Any) -> str:
    return f"{condition.get('reason', '')}: {condition.get('message', '')}".strip(": ")


def see_service(obj: Object, workloads: list[Object], slices: list[Object]) -> ServiceSeen:
    """How many endpoints are ready. `workloads` and `slices` are those of the release."""
    name, selector = obj["metadata"]["name"], obj["spec"]["selector"].items()
    endpoints = [
        endpoint
        for s in slices
        if s["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
        for endpoint in s.get("endpoints") or []
    ]
    meant = [w for w in workloads if selector <= (_template_labels(w)).items()]
    return ServiceSeen(
        name=f"Service {name}",
        ready_endpoints=sum(1 for e in endpoints if (e.get("conditions") or {}).get("ready") is not False),
        expects=not meant or any(see_workload(w).pods for w in meant),
    )


def _template_labels(workload: Object) -> dict[str, str]:
    labels: dict[str, str] = (workload["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return labels
