"""What changes of objects mean to somebody who asks why users saw a failure just then."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.occurrences import gone, occurrence


def obj(kind: str, name: str = "web", *, leaving: bool = False, **rest: Any) -> dict[str, Any]:
    """An object as a watch gives it."""
    meta = {"name": name} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {})
    return {"kind": kind, "metadata": meta, **rest}


def pod(ready: bool = True, restarts: int = 0, **more: Any) -> dict[str, Any]:
    """A pod."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"conditions": conditions, "containerStatuses": [{"restartCount": restarts}]}
    return obj("Pod", status=status, **more)


def ingress(*services: str) -> dict[str, Any]:
    """An Ingress of some paths."""
    paths = [{"backend": {"service": {"name": name}}} for name in services]
    return obj("Ingress", "front", spec={"rules": [{"http": {"paths": paths}}]})


def http_route(**weights: int) -> dict[str, Any]:
    """An HTTPRoute of some backends."""
    refs = [{"name": name, "weight": weight} for name, weight in weights.items()]
    return obj("HTTPRoute", "front", spec={"rules": [{"backendRefs": refs}, {"backendRefs": [{"name": "plain"}]}]})


def event(count: int) -> dict[str, Any]:
    """An event about a pod."""
    about = {"kind": "Pod", "name": "web"}
    return obj("Event", involvedObject=about, reason="Unhealthy", message="it does not answer\n", count=count)


SERVICE = {"selector": {"app": "shop", "release": "v2"}}
CHANGES = {
    "a pod is new": (None, pod(ready=False), "Pod web is made"),
    "a pod becomes ready": (pod(ready=False), pod(), "Pod web is ready"),
    "a pod is not ready any more": (pod(), pod(ready=False), "Pod web is ready no more"),
    "a pod is told to end": (pod(), pod(leaving=True), "Pod web is to end"),
    "a pod becomes unready while it ends": (
        pod(leaving=True),
        pod(ready=False, leaving=True),
        "Pod web is ready no more",
    ),
    "a container died and came back": (pod(), pod(restarts=1), "Pod web was started again"),
    "a pod reports its status again": (pod(), pod(), None),
    "a pod without a status": (obj("Pod"), obj("Pod"), None),
    "a release becomes current": (
        obj("Release", status={"phase": "Ready"}),
        obj("Release", status={"phase": "Current"}),
        "Release web is Current",
    ),
    "a release has no phase yet": (None, obj("Release"), None),
    "a release whose tasks are counted": (
        obj("Release", status={"phase": "Draining", "tasks": "2"}),
        obj("Release", status={"phase": "Draining", "tasks": "1"}),
        None,
    ),
    "an Ingress is switched": (ingress("web-v1"), ingress("web-v2"), "Ingress front leads elsewhere: web-v2"),
    "an Ingress of several Services": (
        ingress("web-v1"),
        ingress("web-v2", "api-v2"),
        "Ingress front leads elsewhere: web-v2, api-v2",
    ),
    "an Ingress is annotated": (ingress("web-v1"), ingress("web-v1"), None),
    "an Ingress is deleted": (
        obj("Ingress", "front", spec={}),
        obj("Ingress", "front", leaving=True, spec={}),
        "Ingress front is to go",
    ),
    "an HTTPRoute is switched": (
        http_route(v1=1),
        http_route(v2=1, v1=0),
        "HTTPRoute front leads elsewhere: v2:1, v1:0, plain",
    ),
    "a Service is led to another release": (
        obj("Service", spec={}),
        obj("Service", spec=SERVICE),
        "Service web leads elsewhere: app=shop,release=v2",
    ),
    "an event": (None, event(1), "Pod web: Unhealthy: it does not answer"),
    "an event again": (event(1), event(2), "Pod web: Unhealthy: it does not answer"),
    "an event that is only renewed": (event(2), event(2), None),
    "another kind": (None, obj("ConfigMap"), None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_means(name: str) -> None:
    """Only what can be a cause is told."""
    before, after, told = CHANGES[name]
    assert occurrence(before, after) == told


def test_what_is_there_no_more() -> None:
    """An event that expires has not happened."""
    assert gone(pod()) == "Pod web is gone"
    assert gone(event(1)) is None
