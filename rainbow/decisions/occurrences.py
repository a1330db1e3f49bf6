"""What a change of an object means to somebody who asks why users saw a failure just then.

Only what can be a cause is told: a pod that comes, becomes unready or goes, a route that leads elsewhere, a release in
a new phase, an event of the cluster. Everything else that changes all the time is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def occurrence(before: Object | None, after: Object) -> str | None:
    """In a line what has changed; None when it explains nothing. `before` None: the object is new."""
    tell = _TELLING.get(after["kind"])
    return tell(before, after) if tell else None


def _pod(before: Object | None, after: Object) -> str | None:
    name = f"Pod {after['metadata']['name']}"
    if before is None:
        return f"{name} is made"
    if _leaving(after) and not _leaving(before):
        return f"{name} is to end"
    if _ready(before) != _ready(after):
        return f"{name} is {'ready' if _ready(after) else 'ready no more'}"
    if _restarts(after) > _restarts(before):
        return f"{name} was started again"
    return None


def _release(before: Object | None, after: Object) -> str | None:
    phase, was = _phase(after), None if before is None else _phase(before)
    return None if phase == was or phase is None else f"Release {after['metadata']['name']} is {phase}"


def _leads(before: Object | None, after: Object) -> str | None:
    """Of a route: where it leads stands in its spec."""
    name = f"{after['kind']} {after['metadata']['name']}"
    if before is None:
        return f"{name} is made"
    if _leaving(after) and not _leaving(before):
        return f"{name} is to go"
    if before.get("spec") == after.get("spec"):
        return None
    return f"{name} leads elsewhere: {_targets(after)}"


def _event(before: Object | None, after: Object) -> str | None:
    if before is not None and before.get("count") == after.get("count"):
        return None
    about = after.get("involvedObject") or {}
    return f"{about.get('kind')} {about.get('name')}: {after.get('reason')}: {after.get('message', '').strip()}"


_TELLING: dict[str, Callable[[Object | None, Object], str | None]] = {
    "Pod": _pod,
    "Release": _release,
    "Ingress": _leads,
    "HTTPRoute": _leads,
    "Service": _leads,
    "Event": _event,
}


def gone(obj: Object) -> str | None:
    """The same for an object that is there no more; an event that expires is none."""
    return None if obj["kind"] == "Event" else f"{obj['kind']} {obj['metadata']['name']} is gone"


def _leaving(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _restarts(pod: Object) -> int:
    return sum(c.get("restartCount", 0) for c in (pod.get("status") or {}).get("containerStatuses") or [])


def _phase(release: Object) -> str | None:
    phase: str | None = (release.get("status") or {}).get("phase")
    return phase


def _targets(route: Object) -> str:
    """The Services of an Ingress or an HTTPRoute, the selector of a Service."""
    spec = route.get("spec") or {}
    if route["kind"] == "Service":
        return ",".join(f"{key}={value}" for key, value in (spec.get("selector") or {}).items())
    if route["kind"] == "HTTPRoute":
        backends = [ref for rule in spec.get("rules") or [] for ref in rule.get("backendRefs") or []]
        names = [f"{ref['name']}:{ref['weight']}" if "weight" in ref else ref["name"] for ref in backends]
    else:
        paths = [path for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
        backends = [path["backend"] for path in paths] + [spec[k] for k in ("defaultBackend",) if k in spec]
        names = [backend["service"]["name"] for backend in backends if "service" in backend]
    return ", ".join(dict.fromkeys(names)) or json.dumps(spec)[:200]
