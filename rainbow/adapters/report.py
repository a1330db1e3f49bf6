"""Finding out all that a report shows: records, the route, events, and the past as Prometheus has it.

What cannot be found out is said in the report, and leaves a gap in it; only without the records there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rainbow.adapters.kube import EVENT, POLICY, RELEASE, Kube, Object
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.prometheus import Prometheus, Unanswered, fill_in
from rainbow.adapters.records import Unreadable, list_records
from rainbow.adapters.routes import read_route
from rainbow.decisions.carriers import carriers
from rainbow.decisions.lanes import alive
from rainbow.decisions.rates import COUNTERS, EXPORTED, Grid, Row, Samples, counted, one_row, owners
from rainbow.decisions.report import Event, Known
from rainbow.errors import BadInput, PermanentError, RainbowError
from rainbow.model.policy import Policy
from rainbow.model.release import Mark, Phase, Release

AT_ONCE = 4  # queries that are asked at the same time
_Find = Callable[[Release], str | None]


@dataclass
class Reporter:
    """Looks at one app. `url`: instead of the address of Prometheus in the records."""

    kube: Kube
    namespace: str
    app: str
    since: timedelta
    url: str | None = None

    def look(self, now: datetime) -> Known:
        """All that is known now. Raises BadInput when there is no such app, TemporaryError when nobody can tell."""
        releases, unreadable = list_records(self.kube, self.namespace, self.app)
        if not releases and not unreadable:
            raise BadInput(f"no release of an app {self.app} in namespace {self.namespace}; is the name right?")
        unknown = [f"the record of release {record.release} cannot be read: {record.why}" for record in unreadable]
        hold, releases = self._policy(releases, unknown)
        shown = [release for release in releases if alive(release, now - self.since)]
        # Empty time at the beginning would only make the rest coarser.
        first = min((release.since for release in shown), default=now - self.since)
        grid = Grid.for_all(shown, min(max(now - self.since, first), now), now)
        asking = _Asking(self.namespace, self.app, grid, self.url, shown, unknown)
        requests, failures, tasks = asking.rows()
        return Known(
            self.namespace,
            self.app,
            releases,
            grid,
            now,
            current=self._current(releases, unknown),
            hold=hold,
            requests=requests,
            failures=failures,
            tasks=tasks,
            events=self._events(releases, unreadable, unknown),
            unknown=unknown,
        )

    def _current(self, releases: Sequence[Release], unknown: list[str]) -> str | None:
        try:
            known = (read_route(self.kube, one.release.spec.app, though_gone=True) for one in carriers(releases))
            return next((state.current for state in known if state.current is not None), None)
        except RainbowError as error:
            unknown.append(f"which release is current: {error}")
            return None

    def _policy(self, releases: list[Release], unknown: list[str]) -> tuple[Mark | None, list[Release]]:
        """Whether the app is held, and its releases under the policy in force: the steps ask these queries, too."""
        try:
            policy = read_policy(self.kube, self.namespace, self.app)
        except RainbowError as error:
            unknown.append(f"whether the app is held, and the policy in force: {error}")
            return None, releases
        return policy.spec.hold, [_in_force(policy, release, unknown) for release in releases]

    def _events(
        self, releases: Sequence[Release], unreadable: Sequence[Unreadable], unknown: list[str]
    ) -> Sequence[Event]:
        names = {release.name: release.id for release in releases}
        names |= {f"{self.app}-{record.release}": record.release for record in unreadable}
        found = []
        for kind, about in ((RELEASE, names), (POLICY, {self.app: None})):
            try:
                objects = self.kube.list(EVENT, self.namespace, fields=f"involvedObject.kind={kind.kind}")
            except RainbowError as error:
                unknown.append(f"the events that the cluster tells of {kind.kind}s: {error}")
                continue
            named = [(obj, obj["involvedObject"].get("name")) for obj in objects]
            found += [_event(obj, about[name]) for obj, name in named if name in about]
        return found


def _in_force(policy: Policy, release: Release, unknown: list[str]) -> Release:
    try:
        return under(policy, release, ["drain", "bake"])
    except PermanentError as error:
        if release.status.phase is not Phase.DELETED:
            unknown.append(f"the queries of release {release.id} under the policy in force: {error}")
        return release


@dataclass
class _Asking:
    """The questions to Prometheus. A server that does not answer at all is not asked twice."""

    namespace: str
    app: str
    grid: Grid
    url: str | None
    releases: Sequence[Release]
    unknown: list[str]
    _servers: dict[str, Prometheus | None] = field(default_factory=dict)

    def rows(self) -> tuple[Mapping[str, Row], Mapping[str, Row], Mapping[str, Row]]:
        """Requests, failures and tasks by release."""
        by_service = self._by_service()
        tasks = self._each("active tasks", lambda r: r.spec.app.drain.prometheus.query)
        requests = {release: both[0] for release, both in by_service.items()}
        failures = {release: both[1] for release, both in by_service.items()}
        requests |= self._each("requests", _requests)
        failures |= self._each("failures", lambda r: r.spec.app.report.failures if r.spec.app.report else None)
        for what, rows in (("requests", requests), ("failures", failures), ("active tasks", tasks)):
            if missing := [release.id for release in self.releases if release.id not in rows]:
                some = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
                self.unknown.append(f"{what} of {some}: Prometheus has no number in this time")
        return requests, failures, tasks

    def _each(self, what: str, query: _Find) -> dict[str, Row]:
        """The number of each release that has such a query, while it was there."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [(r, pool.submit(self._one, r, text)) for r in self.releases if (text := query(r)) is not None]
            answers = [(release, future.result()) for release, future in asked]
        troubles = {answer for _, answer in answers if isinstance(answer, str)}
        self.unknown += [f"{what}: {trouble}" for trouble in sorted(troubles)]
        return {release.id: answer for release, answer in answers if isinstance(answer, Row)}

    def _one(self, release: Release, query: str) -> Row | str | None:
        filled = fill_in(query, self.namespace, self.app, release.id)
        first = max(0, self.grid.index(release.since))
        gone = release.status.deleted_at
        last = self.grid.count - 1 if gone is None else min(self.grid.count - 1, self.grid.index(gone))
        return None if last < first else self._asked(release, filled, first, last)

    def _asked(self, release: Release, query: str, first: int, last: int) -> Row | str | None:
        found = self._matrix(release, query, first, last)
        return found if isinstance(found, str) else one_row(found, self.grid)

    def _matrix(self, release: Release, query: str, first: int, last: int) -> list[Samples] | str:
        """Why not, in words, when there is no answer."""
        grid = self.grid
        server = self._server(release)
        if server is None:
            return f"Prometheus {self._address(release)} did not answer"
        try:
            return server.matrix(query, grid.start + first * grid.step, grid.start + last * grid.step, grid.step)
        except Unanswered as error:
            return str(error)

    def _by_service(self) -> dict[str, tuple[Row, Row]]:
        """What a proxy counts, whichever there is."""
        newest = self.releases[-1] if self.releases else None
        services = owners(self.releases)
        found: dict[str, tuple[Row, Row]] = {}
        if newest is None or not services:
            return found
        for counter in COUNTERS:
            for of in EXPORTED:
                query = counter.query(self.namespace, of, self.grid.window)
                series = self._matrix(newest, query, 0, self.grid.count - 1)
                if isinstance(series, str):
                    self.unknown.append(f"requests by Service: {series}")
                    return found
                found |= counted(series, counter, services, self.namespace, self.grid)
        return found

    def _address(self, release: Release) -> str:
        app = release.spec.app
        return self.url or (app.report.prometheus if app.report else None) or app.drain.prometheus.url

    def _server(self, release: Release) -> Prometheus | None:
        url = self._address(release)
        if url not in self._servers:
            server = Prometheus(url)
            try:
                server.vector("vector(1)")
                self._servers[url] = server
            except Unanswered:
                self._servers[url] = None
        return self._servers[url]


def _requests(release: Release) -> str | None:
    app = release.spec.app
    return (app.report.requests if app.report else None) or (app.bake.traffic if app.bake else None)


def _event(obj: Object, release: str | None) -> Event:
    at = obj.get("lastTimestamp") or obj.get("eventTime") or obj["metadata"]["creationTimestamp"]
    warning = obj.get("type") == "Warning"
    message = (obj.get("message") or "").strip()
    return Event(datetime.fromisoformat(at), release, obj.get("reason") or "", message, warning)
