"""Everything that the deletion of releases is decided by, of all apps of a namespace, in a constant number of lists.

Records are read before routes: whoever switches in between changes a record, and writing on it then conflicts. An app
of which something cannot be read is kept as a whole and says why; the others are none the worse for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rainbow.adapters.belongings import WORKLOADS, Belongings, find_belongings
from rainbow.adapters.kube import CONFIG_MAP, DEPLOYMENT, INGRESS, RELEASE, SERVICE, Kube
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.records import Unreadable, list_records
from rainbow.adapters.routes import read_route, referenced_services
from rainbow.adapters.snapshot import Snapshot
from rainbow.adapters.workflows import releases_at_work
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.keeping import kept_back
from rainbow.decisions.orphans import Orphan, decide_orphan
from rainbow.decisions.retention import Act, Findings, Routes, Verdict, decide, left_behind
from rainbow.decisions.sealing import committed, may_have_work
from rainbow.errors import PermanentError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.release import Phase, Release, ReleaseStatus
from rainbow.model.staying import Retention

_IDLE = DrainDecision(DrainState.DRAINED, "0", ("assumed",))
_MARKED = (DEPLOYMENT, SERVICE, INGRESS, CONFIG_MAP)  # kinds whose objects tell of an app that has no record (any more)


@dataclass(frozen=True)
class AppSeen:
    """One app: its releases with the policy in force, oldest first, and what was found around them.

    `at_work`: releases with a workflow, None when that is not known; `trouble`: why nothing can be decided.
    """

    namespace: str
    app: str
    releases: tuple[Release, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    routes: Routes = field(default_factory=lambda: Routes(None))
    belongings: Belongings = field(default_factory=lambda: Belongings({}))
    at_work: frozenset[str] | None = None
    drains: dict[str, DrainDecision] = field(default_factory=dict)
    trouble: PermanentError | None = None

    def verdicts(self, now: datetime, assumed: DrainDecision | None = None) -> Iterator[tuple[Release, Verdict]]:
        """What becomes of each release; with `assumed`, what would if that was what is known of its work."""
        kept = kept_back(self.releases, self.routes.current, self.routes.previous, now)
        for release in self.releases:
            found = Findings(
                assumed or self.drains.get(release.id),
                objects=len(self.belongings.of(release.id)),
                hidden=self.belongings.hidden.get(release.id),
                running=None if self.at_work is None else release.id in self.at_work,
                kept=kept.get(release.id),
            )
            yield release, decide(release, self.routes, found, now)

    def asked(self, now: datetime) -> list[Release]:
        """Those whose work decides what becomes of them: what is kept in any case, nobody has to be asked about.

        For one without a record that may work, what its record would say.
        """
        if self.trouble is not None:
            return []
        going = [r for r, v in self.verdicts(now, _IDLE) if v.act is Act.DELETE and may_have_work(r.status)]
        lost = [self._stand_in(v.release) for v in self.orphans(now, _IDLE) if v.act is Act.DELETE]
        return going + [stand_in for stand_in in lost if stand_in]

    def orphans(self, now: datetime, assumed: DrainDecision | None = None) -> Iterator[Verdict]:
        """What becomes of the objects that have no record."""
        config = max(self.releases, key=lambda r: (r.since, r.id)).spec.app if self.releases else None
        age = (config.retention if config else Retention()).failed_age
        for id_ in self.without_record:
            running = None if self.at_work is None else id_ in self.at_work
            drain = assumed or self.drains.get(id_)
            orphan = Orphan(id_, self._newest(id_), self._works(id_), drain, running)
            yield decide_orphan(orphan, self.routes, age, now)

    def _works(self, id_: str) -> bool:
        return any(obj["kind"] in WORKLOADS for obj in self.belongings.of(id_))

    def _newest(self, id_: str) -> datetime:
        return max(datetime.fromisoformat(o["metadata"]["creationTimestamp"]) for o in self.belongings.of(id_))

    def _stand_in(self, id_: str) -> Release | None:
        """It may have been live until its last object was made, and not later: else it would have a record."""
        like = max(self.releases, key=lambda r: (r.since, r.id), default=None)
        if like is None or not self._works(id_):
            return None
        status = ReleaseStatus(phase=Phase.DRAINING, demoted_at=self._newest(id_))
        spec = like.spec.model_copy(update={"release": id_})
        return like.model_copy(update={"uid": f"without-record-{id_}", "spec": spec, "status": status})

    @property
    def without_record(self) -> list[str]:
        """Releases of which there are objects and no record, not even one that cannot be read."""
        recorded = {r.id for r in self.releases} | {record.release for record in self.unreadable}
        return sorted(set(self.belongings.objects) - recorded)


def survey(kube: Kube, namespace: str, app: str | None = None) -> list[AppSeen]:
    """One reading of an app, or of all apps in the namespace; their work is not looked at yet."""
    seen = kube if isinstance(kube, Snapshot) else Snapshot.of(kube)
    seen.list(RELEASE, namespace)  # first of all
    return [_look(seen, namespace, name) for name in ([app] if app else _apps(seen, namespace))]


def _apps(kube: Kube, namespace: str) -> list[str]:
    labelled = [obj for kind in (RELEASE, *_MARKED) for obj in kube.list(kind, namespace, labels=APP_LABEL)]
    labels = [obj["metadata"]["labels"] for obj in labelled]
    return sorted({found[APP_LABEL] for found in labels if RELEASE_LABEL in found})


def _look(kube: Kube, namespace: str, app: str) -> AppSeen:
    seen = AppSeen(namespace, app)
    try:
        records, unreadable = list_records(kube, namespace, app)
        policy = read_policy(kube, namespace, app)
        seen = replace(seen, releases=tuple(under(policy, r) for r in records), unreadable=tuple(unreadable))
        belongings = find_belongings(kube, namespace, app, records)
        routes = _routes(kube, namespace, seen.releases, belongings)
        doubtful = any(r.id != routes.current and _doubtful(r.status) for r in records)
        seen = replace(seen, belongings=belongings, routes=routes)
        at_work = releases_at_work(kube, namespace, app) if doubtful or seen.without_record else None
        return replace(seen, at_work=at_work)
    except PermanentError as error:
        return replace(seen, trouble=error)


def _doubtful(status: ReleaseStatus) -> bool:
    """Whether it matters if a workflow is at work on it."""
    return left_behind(status) or status.phase is Phase.FAILED


def _routes(kube: Kube, namespace: str, releases: Sequence[Release], belongings: Belongings) -> Routes:
    """The route of the newest release says who is current. One that an older release had may still lead somewhere."""
    references: dict[str, tuple[str, ...]] = {}
    for service, names in referenced_services(kube, namespace).items():
        if owner := belongings.owner_of_service(service):
            references[owner] = (*references.get(owner, ()), *names)
    current = previous = None
    told: set[tuple[type, str]] = set()
    for release in sorted(releases, key=lambda r: (r.since, r.id), reverse=True):
        entry = release.spec.app.route.entry
        if committed(release.status) or (type(entry), entry.name) in told:
            continue
        told.add((type(entry), entry.name))
        state = read_route(kube, release.spec.app)
        if current is None:
            current, previous = state.current, state.previous
        elif state.current not in (None, current):
            references[state.current] = (*references.get(state.current, ()), f"the earlier route {entry.name}")
    return Routes(current, references, previous)
