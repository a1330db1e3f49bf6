"""Is a release ready, is it worth waiting, or is it hopeless?

A first hiccup is none: an image that cannot be pulled for a moment or a process that comes up at its second try is
waited for. What stays broken for some time ends the wait early, with the reason, rather than at the timeout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PATIENCE = timedelta(seconds=45)  # for what a kubelet tries again by itself: pulling, missing Secrets, quotas
RESTARTS = 3
# Reasons of a waiting container (kubelet, images.go and kuberuntime_container.go) that may pass by themselves …
STUCK = {
    "ErrImagePull",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}
# … and that cannot.
HOPELESS = {"InvalidImageName"}


class State(StrEnum):
    """What to do next."""

    READY = "ready"
    WAITING = "waiting"
    HOPELESS = "hopeless"


@dataclass(frozen=True)
class WorkloadSeen:
    """A workload. `pods` is how many it should have; `trouble` is a condition that keeps it from making them."""

    name: str
    pods: int
    done: bool
    progress: str
    trouble: str | None = None
    failed: bool = False


@dataclass(frozen=True)
class ServiceSeen:
    """A Service that selects pods of the release. `expects` is false when none of them should be running."""

    name: str
    ready_endpoints: int
    expects: bool = True


@dataclass(frozen=True)
class ContainerSeen:
    """A container that is not ready. `exit_code` is how it ended last; `last_words` are the end of that log."""

    name: str
    waiting: str | None = None
    message: str = ""
    restarts: int = 0
    exit_code: int | None = None
    last_words: str = ""


@dataclass(frozen=True)
class PodSeen:
    """A pod that is not ready. `unready` are the containers to blame; `event` is the last warning about the pod."""

    name: str
    phase: str
    unready: tuple[ContainerSeen, ...] = ()
    unschedulable: str | None = None
    event: str | None = None
    message: str = ""


@dataclass(frozen=True)
class Seen:
    """One look at a release. `pods` holds only those that are not ready."""

    workloads: tuple[WorkloadSeen, ...] = ()
    services: tuple[ServiceSeen, ...] = ()
    pods: tuple[PodSeen, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readiness:
    """The decision, with what it is waiting for or has given up on.

    `pending` are pods that are merely not ready yet: nothing to tell as long as they may become so.
    """

    state: State
    reasons: tuple[str, ...]
    pending: tuple[str, ...] = ()


Troubles = Mapping[str, datetime]
"""What is stuck → since when it has been seen so, without a break."""


def track(before: Troubles, seen: Seen, now: datetime) -> dict[str, datetime]:
    """What is stuck now, and since when."""
    return {key: before.get(key, now) for key in _stuck(seen)}


def judge(seen: Seen, troubles: Troubles, now: datetime) -> Readiness:
    """The decision for one look. `troubles` come from `track`, for the same look."""
    hopeless = _hopeless(seen)
    hopeless += [text for key, text in _stuck(seen).items() if now - troubles.get(key, now) >= PATIENCE]
    if hopeless:
        return Readiness(State.HOPELESS, tuple(dict.fromkeys(hopeless)))
    waiting = _waiting(seen)
    if waiting:
        troubled = [explain(pod) for pod in seen.pods if _troubled(pod)]
        pending = tuple(explain(pod) for pod in seen.pods if not _troubled(pod))
        return Readiness(State.WAITING, tuple(waiting + troubled), pending)
    return Readiness(State.READY, ("every workload is rolled out and every Service has ready endpoints",))


def explain(pod: PodSeen) -> str:
    """Why a pod is not ready, in a line (and the end of its log below)."""
    parts = [_container(container) for container in pod.unready]
    if pod.unschedulable:
        parts.insert(0, f"no node takes it: {pod.unschedulable}")
    if pod.event:
        parts.append(pod.event)
    if pod.message:
        parts.append(pod.message)
    return f"pod {pod.name}: " + ("; ".join(parts) or f"{pod.phase}, not ready yet")


def _container(seen: ContainerSeen) -> str:
    if seen.exit_code is not None:
        ended = f"container {seen.name} exited with {seen.exit_code}, {seen.restarts} restarts"
        ended += f" ({seen.waiting})" if seen.waiting else ""
        return ended + (f"; its last words:\n{_indent(seen.last_words)}" if seen.last_words else "")
    if seen.waiting:
        return f"container {seen.name}: {seen.waiting}" + (f": {seen.message}" if seen.message else "")
    return f"container {seen.name} runs but is not ready"


def _indent(text: str) -> str:
    return "\n".join(f"      | {line}" for line in text.rstrip().splitlines())


def _stuck(seen: Seen) -> dict[str, str]:
    """What does not get on, by a key that stays the same from look to look."""
    found = {f"pod {p.name} {c.name}": explain(p) for p in seen.pods for c in p.unready if c.waiting in STUCK}
    return found | {f"workload {w.name}": f"{w.name}: {w.trouble}" for w in seen.workloads if w.trouble}


def _hopeless(seen: Seen) -> list[str]:
    reasons = [f"{workload.name} failed: {workload.progress}" for workload in seen.workloads if workload.failed]
    reasons += [explain(pod) for pod in seen.pods if any(c.waiting in HOPELESS or _gave_up(c) for c in pod.unready)]
    return reasons


def _troubled(pod: PodSeen) -> bool:
    return bool(pod.unschedulable) or any(c.waiting in STUCK or c.exit_code is not None for c in pod.unready)


def _gave_up(container: ContainerSeen) -> bool:
    # Only between two tries: a process that is running just now may be the one that stays.
    return container.waiting == "CrashLoopBackOff" and container.restarts >= RESTARTS


def _waiting(seen: Seen) -> list[str]:
    waiting = [f"{name} is not there yet" for name in seen.missing]
    waiting += [f"{workload.name}: {workload.progress}" for workload in seen.workloads if not workload.done]
    waiting += [
        f"{service.name}: no ready endpoint"
        for service in seen.services
        if service.expects and not service.ready_endpoints
    ]
    return waiting
