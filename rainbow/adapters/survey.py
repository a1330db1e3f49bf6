"""Everything that the deletion of releases is decided by, of all apps of a namespace, in a constant number of lists.

Records are read before routes: whoever switches in between changes a record, and writing on it then conflicts. An app
of which something cannot be read is kept as a whole and says why; the others are none the worse for it. Where that
concerns a single release, which tells nothing about the others, only that one is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rainbow.adapters.belongings import WORKLOADS, Belongings, find_belongings
from rainbow.adapters.kube import CONFIG_MAP, DEPLOYMENT, INGRESS, RELEASE, SERVICE, Kube
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.records import Unreadable, list_records
from rainbow.adapters.routes import read_route, referenced_services
from rainbow.adapters.snapshot import Snapshot
from rainbow.adapters.workflows import releases_at_work
from rainbow.decisions.carriers import carriers
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.keeping import kept_back, ruling
from rainbow.decisions.orphans import Orphan, decide_orphan
from rainbow.decisions.overrides import SECTIONS
from rainbow.decisions.retention import Act, Findings, Routes, Verdict, decide, left_behind
from rainbow.decisions.sealing import committed, may_have_work
from rainbow.errors import PermanentError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.policy import Policy
from rainbow.model.release import Phase, Release, ReleaseStatus
from rainbow.model.staying import Retention

_IDLE = DrainDecision(DrainState.DRAINED, "0", ("assumed",))
_MARKED = (DEPLOYMENT, SERVICE, INGRESS, CONFIG_MAP)  # kinds whose objects tell of an app that has no record (any more)


@dataclass(frozen=True)
class AppSeen:
    """One app: its releases with the policy in force, oldest first, and what was found around them.

    `at_work`: releases with a workflow, None when that is not known; `trouble`: why nothing can be decided; `unclear`:
    why nothing can be decided about this one release.
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
    unclear: Mapping[str, str] = field(default_factory=dict)

    def verdicts(self, now: datetime, assumed: DrainDecision | None = None) -> Iterator[tuple[Release, Verdict]]:
        """What becomes of each release; with `assumed`, what would if that was what is known of its work."""
        kept = {**kept_back(self.releases, self.routes.current, self.routes.previous, now), **self.unclear}
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
        like = self._newest_clear()
        age = (like.spec.app.retention if like else Retention()).failed_age
        for id_ in self.without_record:
            running = None if self.at_work is None else id_ in self.at_work
            drain = assumed or self.drains.get(id_)
            orphan = Orphan(id_, self._newest(id_), self._works(id_), drain, running)
            yield decide_orphan(orphan, self.routes, age, now)

    def _works(self, id_: str) -> bool:
        return any(obj["kind"] in WORKLOADS for obj in self.belongings.of(id_))

    def _newest(self, id_: str) -> datetime:
        return max(datetime.fromisoformat(o["metadata"]["creationTimestamp"]) for o in self.belongings.of(id_))

    def _newest_clear(self) -> Release | None:
        clear = (r for r in self.releases if r.id not in self.unclear)
        return max(clear, key=lambda r: (r.since, r.id), default=None)

    def _stand_in(self, id_: str) -> Release | None:
        """It may have been live until its last object was made, and not later: else it would have a record."""
        like = self._newest_clear()
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
        releases, unfit = _under(policy, records)
        seen = replace(seen, releases=releases, unreadable=tuple(unreadable))
        belongings = find_belongings(kube, namespace, app, records)
        routes, unread = _routes(kube, namespace, releases, belongings)
        rules = ruling(releases, routes.current)
        if rules is not None and rules.id in unfit:
            raise unfit[rules.id]  # what is in force for all of them: how many are kept
        seen = replace(seen, unclear={name: str(error) for name, error in unfit.items()} | unread)
        doubtful = any(r.id != routes.current and _doubtful(r.status) for r in records)
        seen = replace(seen, belongings=belongings, routes=routes)
        at_work = releases_at_work(kube, namespace, app) if doubtful or seen.without_record else None
        return replace(seen, at_work=at_work)
    except PermanentError as error:
        return replace(seen, trouble=error)


def _doubtful(status: ReleaseStatus) -> bool:
    """Whether it matters if a workflow is at work on it."""
    return left_behind(status) or status.phase is Phase.FAILED


def _under(policy: Policy, records: Sequence[Release]) -> tuple[tuple[Release, ...], dict[str, PermanentError]]:
    """The releases under the policy; of those that it does not fit, which stay as they are, why not."""
    found: list[Release] = []
    unfit: dict[str, PermanentError] = {}
    for release in records:
        try:
            # Of what is deleted, nothing else is judged any more than how long its record stays.
            sections = ("retention",) if committed(release.status) else tuple(SECTIONS)
            found.append(under(policy, release, sections))
        except PermanentError as error:
            found.append(release)
            unfit[release.id] = error
    return tuple(found), unfit


def _routes(
    kube: Kube, namespace: str, releases: Sequence[Release], belongings: Belongings
) -> tuple[Routes, dict[str, str]]:
    """The route of the newest release that was live says who is current; one of earlier times may still lead somewhere.

    A route that only releases name that never lived keeps them, if it cannot be read: it tells nothing about others.
    """
    references: dict[str, tuple[str, ...]] = {}
    for service, names in referenced_services(kube, namespace).items():
        if owner := belongings.owner_of_service(service):
            references[owner] = (*references.get(owner, ()), *names)
    current = previous = None
    unread: dict[str, str] = {}
    for carrier in carriers(releases):
        try:
            state = read_route(kube, carrier.release.spec.app)
        except PermanentError as error:
            if carrier.lived:
                raise
            unread |= dict.fromkeys(carrier.users, f"its route {carrier.name} cannot be read: {error}")
            continue
        if current is None:
            current, previous = state.current, state.previous
        elif state.current not in (None, current):
            references[state.current] = (*references.get(state.current, ()), f"the earlier route {carrier.name}")
    return Routes(current, references, previous), unread
