"""Repeated looks at the pods of draining releases, and what follows: idle ones are marked, and then given up (B8).

What was seen of each pod lives here only, as with the samples of a drain: a new process begins anew, with every pod
taken for busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rainbow.adapters.bus import work_on_bus
from rainbow.adapters.drain import workload_of
from rainbow.adapters.kube import DEPLOYMENT, POD, Kind, Kube, Object
from rainbow.adapters.prometheus import Prometheus, fill_in
from rainbow.adapters.records import read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.shrinking import note_whole, noted_whole, scale
from rainbow.adapters.world import Clock
from rainbow.decisions.bus import BusWork
from rainbow.decisions.evidence import FINISHED
from rainbow.decisions.shrink import (
    Crew,
    Glimpse,
    Quiet,
    Shrinking,
    Worker,
    added,
    decide_shrink,
    glimpsed,
    idle_scrapes,
    kept_whole,
    quiet,
)
from rainbow.model.names import release_selector
from rainbow.model.release import Release
from rainbow.model.work import Shrink

AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler")
COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True)
class _Seen:
    """One reading of a release: its Deployments and active pods by name, who scales what, and what the bus has."""

    deployments: dict[str, Object]
    pods: list[Object]
    autoscalers: dict[str, str]
    bus: BusWork | None


@dataclass
class ShrinkWatch:
    """Repeated looks at the pods of the same releases. `url`, `bus_url`: instead of the addresses in the records."""

    kube: Kube
    clock: Clock
    url: str | None = None
    bus_url: str | None = None
    _glimpses: dict[str, tuple[Glimpse, ...]] = field(default_factory=dict)  # by the uid of the pod
    _quiet: dict[str, Quiet | None] = field(default_factory=dict)  # by the uid of the record
    _servers: dict[str, Prometheus] = field(default_factory=dict)

    def look(self, release: Release, current: str | None) -> list[Shrinking]:
        """Look at a release and do, for each of its workloads, what may be done now.

        Raises RainbowError for what could not be read, and Conflict where somebody else wrote first: the next look
        sees it all anew.
        """
        shrink = release.spec.app.drain.shrink
        if shrink is None or kept_whole(release.status, release.id, current):
            return []
        seen = self._read(release, shrink)
        decisions = []
        for workload in shrink.workloads:
            name = release.named(workload)
            if name not in seen.deployments:
                decisions.append(Shrinking(workload, "there is no such Deployment"))
                continue
            decision = decide_shrink(self._crew(release, workload, seen), shrink.minimum, seen.bus)
            decisions.append(self._apply(release, decision, seen))
        return decisions

    def _read(self, release: Release, shrink: Shrink) -> _Seen:
        namespace, selector = release.namespace, release_selector(release.app, release.id)
        # Deployments before their pods, pods before their tasks: what changes in between has another version. The bus
        # last: what it gave to a pod just before is counted.
        deployments = {o["metadata"]["name"]: o for o in self.kube.list(DEPLOYMENT, namespace, labels=selector)}
        scaled = [(o["spec"]["scaleTargetRef"], o["metadata"]["name"]) for o in self.kube.list(AUTOSCALER, namespace)]
        autoscalers = {target["name"]: name for target, name in scaled if target["kind"] == DEPLOYMENT.kind}
        pods = [pod for pod in self.kube.list(POD, namespace, labels=selector) if _active(pod)]
        self._glimpse(release, shrink, pods)
        now = self.clock.now()
        bus = work_on_bus([release], self.bus_url).get(release.id)
        self._quiet[release.uid] = quiet(self._quiet.get(release.uid), now, bus)
        return _Seen(deployments, pods, autoscalers, bus)

    def _glimpse(self, release: Release, shrink: Shrink, pods: Sequence[Object]) -> None:
        drain, names = release.spec.app.drain.prometheus, [pod["metadata"]["name"] for pod in pods]
        url = self.url or drain.url
        server = self._servers.setdefault(url, Prometheus(url))
        now = self.clock.now()
        # The scrapes first: what the query then gives is at least as new as they are.
        scrapes = server.scrapes(release.namespace, names)
        series = server.vector(fill_in(shrink.query, release.namespace, release.app, release.id))
        for pod in pods:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            tasks = [s.value for s in series if s.labels.get("pod") == name]
            glimpse = glimpsed([s for s in scrapes if s.pod == name], tasks, drain.max_age, now)
            self._glimpses[uid] = added(self._glimpses.get(uid, ()), glimpse)

    def _crew(self, release: Release, workload: str, seen: _Seen) -> Crew:
        found = seen.deployments[release.named(workload)]
        pods = [pod for pod in seen.pods if workload_of(pod, release.id) == workload]
        still = self._quiet.get(release.uid)
        workers = tuple(self._worker(pod, None if still is None else still.since) for pod in pods)
        autoscaler = seen.autoscalers.get(found["metadata"]["name"])
        return Crew(workload, found["spec"].get("replicas", 1), workers, _unsteady(found, pods), autoscaler)

    def _worker(self, pod: Object, since: datetime | None) -> Worker:
        meta = pod["metadata"]
        glimpses = self._glimpses.get(meta["uid"], ())
        conditions = (pod.get("status") or {}).get("conditions") or ()
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        tasks = glimpses[-1].tasks if glimpses else None
        return Worker(meta["name"], ready, _cost(pod), tasks, idle_scrapes(glimpses, since))

    def _apply(self, release: Release, decision: Shrinking, seen: _Seen) -> Shrinking:
        pods = {pod["metadata"]["name"]: pod for pod in seen.pods}
        for name, cost in decision.costs.items():
            annotations = {COST: str(cost)}
            version = pods[name]["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version, "annotations": annotations}}
            self.kube.patch(POD, release.namespace, name, patch, subresource="status")
        if decision.replicas is None:
            return decision
        if why := self._changed(release, seen):
            return Shrinking(decision.workload, why)
        found = seen.deployments[release.named(decision.workload)]
        if not noted_whole(found):
            found = note_whole(self.kube, found)
            if why := self._changed(release, seen):  # nothing comes between the last look and the number
                return Shrinking(decision.workload, why)
        scale(self.kube, found, decision.replicas)
        return decision

    def _changed(self, release: Release, seen: _Seen) -> str | None:
        """Why the release must not shrink after all, by what is so at this moment."""
        latest = read_release(self.kube, release.namespace, release.app, release.id)
        current = read_route(self.kube, latest.spec.app).current
        if why := kept_whole(latest.status, latest.id, current):
            return why
        bus = work_on_bus([release], self.bus_url).get(release.id)
        return None if bus == seen.bus else "something has moved on the bus just now"


def _active(pod: Object) -> bool:
    """What a ReplicaSet counts: neither finished nor told to end (Kubernetes, controller_utils.go, IsPodActive)."""
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in FINISHED


def _unsteady(deployment: Object, pods: Sequence[Object]) -> str | None:
    """Why its number must not be lowered now: a rollout ends pods of its own choice, by other rules than cost."""
    meta, status = deployment["metadata"], deployment.get("status") or {}
    name, wanted = meta["name"], deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        return f"what was last asked of {name} is not done yet"
    if not status.get("replicas", 0) == status.get("updatedReplicas", 0) == wanted:
        return f"{name} has {status.get('replicas', 0)} of {wanted} pods, {status.get('updatedReplicas', 0)} up to date"
    owners = {o["uid"] for pod in pods for o in pod["metadata"].get("ownerReferences") or () if o.get("controller")}
    return f"the pods of {name} are of {len(owners)} ReplicaSets" if len(owners) > 1 else None


def _cost(pod: Object) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(COST, "0")
    # What is no number counts as 0 to the ReplicaSet, too.
    return int(text) if text.lstrip("+-").isdecimal() else 0
