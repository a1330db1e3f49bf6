"""How a pod ends: how long its preStop hook takes, what grace period that asks for, and the patches that give it both.

A pod that is told to end is taken off the endpoints at the same moment, and the proxies hear of it a little later
(Kubernetes, "Pod Lifecycle", termination of pods): until then it has to answer, and after that to finish.
"""

from __future__ import annotations

import re
from math import ceil
from typing import Any

from rainbow.decisions.workloads import Base, Workload

Object = dict[str, Any]

DELAY = 5  # seconds of preStop that are given to whoever has none
_SLEEP = re.compile(r"(?:/usr)?(?:/bin/)?sleep (\d+(?:\.\d+)?)(s|m)?\b")


def pre_stop_seconds(container: Object) -> int | None:
    """How long its preStop hook takes: 0 without one, None when that cannot be told from the manifest."""
    hook = (container.get("lifecycle") or {}).get("preStop")
    if not hook:
        return 0
    if sleep := hook.get("sleep"):
        return int(sleep.get("seconds") or 0)
    command = " ".join(str(word) for word in (hook.get("exec") or {}).get("command") or [])
    if not (found := _SLEEP.search(command)):
        return None
    return ceil(float(found[1]) * (60 if found[2] == "m" else 1))


def serving(base: Base, workload: Workload) -> list[int]:
    """The containers that are sent requests."""
    return sorted({opening.container for opening in base.openings(workload)})


def needed_grace(base: Base, workload: Workload) -> int:
    """Seconds from being told to end until the last request is answered; a missing preStop counts as if it were there.

    For a workload that nobody sends requests: so that its hook leaves it as much time.
    """
    told = set(serving(base, workload))
    hooks = [pre_stop_seconds(container) or 0 for container in workload.containers]
    delays = [seconds or (DELAY if at in told else 0) for at, seconds in enumerate(hooks)]
    return max(delays, default=0) + ceil(base.app.lint.longest_request.total_seconds())


def grace_patch(base: Base, workload: Workload) -> Object:
    """That gives it the time."""
    return pod_patch({"terminationGracePeriodSeconds": needed_grace(base, workload)})


def container_patch(workload: Workload, changes: dict[int, Object]) -> Object:
    """For some of the containers, by index. All are named: kustomize puts the ones that are first, and so reorders."""
    named = [{"name": container["name"]} | changes.get(at, {}) for at, container in enumerate(workload.containers)]
    return pod_patch({"containers": named})


def pod_patch(spec: Object) -> Object:
    """For the specification of the pods of a Deployment, StatefulSet or DaemonSet."""
    return {"spec": {"template": {"spec": spec}}}
