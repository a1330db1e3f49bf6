"""Looks at the work of releases that are not current: pods in the cluster, tasks in Prometheus and on the bus.

A look never fails because something is away: what could not be read is a look without a number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from rainbow.adapters.bus import work_on_bus
from rainbow.adapters.kube import DEPLOYMENT, POD, Kind, Kube, Object
from rainbow.adapters.prometheus import Prometheus, Unanswered, fill_in
from rainbow.adapters.world import Clock
from rainbow.decisions.drain import Demotion, DrainDecision, decide_drain, decide_replaced
from rainbow.decisions.evidence import FINISHED, DrainPolicy, Evidence, Pod, Sample, Workload, judge
from rainbow.decisions.sealing import was_live
from rainbow.decisions.switch import NONE, SWITCHING
from rainbow.errors import TemporaryError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.release import Release
from rainbow.model.work import Drain

STATEFUL_SET = Kind("apps/v1", "StatefulSet")
_KEPT = 4  # samples kept, as a multiple of those needed: looks may be more frequent than scrapes

# What the looks need of the API server, for the roles of the steps that look.
LOOKING: list[dict[str, Any]] = [
    # whether every pod that could be working is scraped
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    # whether pods are missing that could find work waiting
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["list"]},
]


# The flag of the steps that look.
PrometheusUrl = Annotated[
    str | None,
    Field(
        pattern=r"^https?://",
        description="instead of the address in rainbow.yaml, for running the step outside the cluster",
    ),
]


@dataclass
class DrainWatch:
    """Repeated looks at the same releases. The samples live here only: a new process begins a new row.

    `url`, `bus_url`: instead of the addresses of Prometheus and of NATS in the records.
    """

    kube: Kube
    clock: Clock
    url: str | None = None
    bus_url: str | None = None
    _asked: dict[str, Drain] = field(default_factory=dict)
    _history: dict[str, deque[Sample]] = field(default_factory=dict)
    _servers: dict[str, Prometheus] = field(default_factory=dict)

    def look(self, releases: Sequence[Release]) -> dict[str, DrainDecision]:
        """Take a sample of each and decide by all samples so far. Release id → decision."""
        # Of one that was rolled over no pod is left, and no work with it: nothing could be asked.
        now = self.clock.now()
        decisions = {r.id: decide_replaced(demotion(r), DrainPolicy.of(r.spec.app), now) for r in releases if r.rolled}
        releases = [r for r in releases if not r.rolled]
        evidence = self._observe(releases)
        for release in releases:
            policy = DrainPolicy.of(release.spec.app)
            history = self._row(release, policy)
            history.append(judge(evidence[release.id], policy))
            decisions[release.id] = decide_drain(history, policy, demotion(release), self.clock.now())
        return decisions

    def _row(self, release: Release, policy: DrainPolicy) -> deque[Sample]:
        """Its samples so far. What was answered before a policy has changed the question counts no more."""
        if self._asked.get(release.uid) != release.spec.app.drain:
            self._asked[release.uid] = release.spec.app.drain
            self._history[release.uid] = deque(maxlen=_KEPT * policy.samples)
        return self._history[release.uid]

    def _observe(self, releases: Sequence[Release]) -> dict[str, Evidence]:
        if not releases:
            return {}
        try:
            seen = _cluster(self.kube, releases, self.clock.now())
        except TemporaryError as error:
            now = self.clock.now()
            return {r.id: Evidence(now, problem=f"the API server cannot be asked: {error}") for r in releases}
        measured = {release.id: self._measured(release, seen[release.id]) for release in releases}
        # The bus last: it is never behind, and what it gave to a pod just before is unacknowledged there.
        work = work_on_bus(releases, self.bus_url)
        return {release_id: replace(found, bus=work.get(release_id)) for release_id, found in measured.items()}

    def _measured(self, release: Release, seen: Evidence) -> Evidence:
        drain, app = release.spec.app.drain.prometheus, release.spec.app
        pods = [pod.name for pod in seen.pods if pod.phase not in FINISHED]
        try:
            url = self.url or drain.url
            server = self._servers.setdefault(url, Prometheus(url))
            # The scrapes first: what the query then gives is at least as new as they are.
            scrapes = server.scrapes(app.namespace, pods)
            tasks = server.vector(_filled(drain.query, release))
            reporting = [] if drain.reporting is None else server.vector(_filled(drain.reporting, release))
        except Unanswered as error:
            return replace(seen, at=self.clock.now(), problem=str(error))
        return replace(
            seen,
            # Dated before the answers, not after: a sample must not look newer than it is.
            scrapes=tuple(scrapes),
            tasks=tuple(series.value for series in tasks),
            reporting=tuple(series.value for series in reporting),
            evaluated_at=max((series.at for series in tasks), default=None),
        )


def _filled(query: str, release: Release) -> str:
    return fill_in(query, release.namespace, release.app, release.id)


def demotion(release: Release) -> Demotion:
    """Since when the release is not current, by its record; a demotion from before it last went live is none.

    A switch to it that was broken off may have made it current until its last note. One that was taken back before the
    route moved has only opened its own routes: no user was led there, so what was seen since it came counts.
    """
    status = release.status
    if status.traffic == NONE and not was_live(status):
        return Demotion(release.since, sealed_at=status.sealed_at)
    if status.traffic == SWITCHING:
        times = [time for time in (status.demoted_at, release.noted_at) if time is not None]
        return Demotion(max(times, default=None), sealed_at=status.sealed_at)
    if status.demoted_at is None or (status.live_at is not None and status.demoted_at < status.live_at):
        return Demotion(None)
    return Demotion(status.demoted_at, status.drained_at, status.sealed_at)


def _cluster(kube: Kube, releases: Sequence[Release], now: datetime) -> dict[str, Evidence]:
    """Pods and workloads of all of them, in as many list calls as for one."""
    namespace, app = releases[0].namespace, releases[0].app
    selector = f"{APP_LABEL}={app},{RELEASE_LABEL} in ({','.join(sorted(r.id for r in releases))})"
    pods: dict[str, list[Pod]] = {}
    workloads: dict[str, list[Workload]] = {}
    # Workloads before pods: a pod that goes in between is then missing rather than overlooked.
    for kind in (DEPLOYMENT, STATEFUL_SET):
        for obj in kube.list(kind, namespace, labels=selector):
            release = obj["metadata"]["labels"][RELEASE_LABEL]
            workloads.setdefault(release, []).append(_workload(obj, release))
    for obj in kube.list(POD, namespace, labels=selector):
        release = obj["metadata"]["labels"][RELEASE_LABEL]
        phase = (obj.get("status") or {}).get("phase", "Unknown")
        pods.setdefault(release, []).append(Pod(obj["metadata"]["name"], phase, workload_of(obj, release)))
    return {
        r.id: Evidence(now, pods=tuple(pods.get(r.id, ())), workloads=tuple(workloads.get(r.id, ()))) for r in releases
    }


def _workload(obj: Object, release: str) -> Workload:
    wanted = obj["spec"].get("replicas", 1)
    existing = (obj.get("status") or {}).get("replicas", 0)
    return Workload(obj["metadata"]["name"].removesuffix(f"-{release}"), wanted, existing)


def workload_of(pod: Object, release: str) -> str:
    """The base name of the workload that made a pod."""
    meta = pod["metadata"]
    owner = next((o for o in meta.get("ownerReferences") or [] if o.get("controller")), None)
    name = meta["name"] if owner is None else owner["name"]
    if owner is not None and owner["kind"] == "ReplicaSet":
        # A Deployment's ReplicaSet is named after it and the hash of its template (Kubernetes, "Deployments").
        name = name.removesuffix(f"-{(meta.get('labels') or {}).get('pod-template-hash', '')}")
    return str(name).removesuffix(f"-{release}")
