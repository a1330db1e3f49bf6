"""Wait until the releases that this one replaced have no work left and are old enough; meanwhile they shrink.

It may run for hours, and may be killed and started again at any time: whatever it needs is read anew at every look.
A release that cannot be asked is waited for, never taken for idle; one about which rainbow.yaml asks wrongly is kept,
and ends the waiting with exit code 2, as no time would end it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import Field

from rainbow.adapters.bus import NatsUrl
from rainbow.adapters.drain import LOOKING, DrainWatch, PrometheusUrl
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.records import list_records, note_if_unchanged, read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.routes.rights import ROUTE_READING
from rainbow.adapters.shrink_watch import ShrinkWatch
from rainbow.adapters.shrinking import SHRINKING
from rainbow.adapters.world import World
from rainbow.decisions.age import noted_overdue
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.progress import noted_demotion, noted_drain, to_wait_for
from rainbow.errors import BadInput, Conflict, RainbowError, TemporaryError
from rainbow.model.durations import Duration, format_duration
from rainbow.model.release import Release
from steps.shape import StepParams

SPEAK_EVERY = timedelta(seconds=30)


class Params(StepParams):
    """The release, whose predecessors are waited for, and for how long at most."""

    max_wait: Duration = Field(
        default=timedelta(hours=6), description="give up after this long with exit code 75, to be started again"
    )
    prometheus_url: PrometheusUrl = None
    nats_url: NatsUrl = None


OUTPUTS: dict[str, str] = {}

RULES: list[dict[str, Any]] = [
    # which releases there are, and notes about them
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # what was decided about retention since they were made
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["get"]},
    *ROUTE_READING,
    *LOOKING,
    *SHRINKING,
]


def run(params: Params, world: World) -> None:
    """Wait. Raises TemporaryError when `max_wait` is over, BadInput when a query can never give a number.

    SIGTERM ends it at any time (see rainbow/cli/step.py).
    """
    asked = (world.kube, world.clock, params.prometheus_url, params.nats_url)
    wait = _Wait(params, world, DrainWatch(*asked), ShrinkWatch(*asked))
    if params.dry_run:
        wait.preview()
        return
    begun = world.clock.monotonic()
    while not wait.look():
        if world.clock.monotonic() - begun >= params.max_wait.total_seconds():
            raise TemporaryError(
                f"still waiting after {format_duration(params.max_wait)}: {wait.said}; start the step again"
            )
        world.clock.sleep(wait.interval.total_seconds())


@dataclass
class _Wait:
    """What has to outlast a single look: only what is shown, and the samples in the two watches."""

    params: Params
    world: World
    watch: DrainWatch
    shrinking: ShrinkWatch
    interval: timedelta = timedelta(seconds=5)
    said: str = "nothing seen yet"
    _said_at: float = float("-inf")
    _shown: object = None
    _pending: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _current: str | None = None
    _beside: list[Release] = field(default_factory=list)  # not waited for, such as one that was rolled back from
    _shrunk: dict[str, str] = field(default_factory=dict)

    def look(self) -> bool:
        """Look once, note and say what changed. True when nothing is left to wait for."""
        try:
            releases = self._in_force(self._demoted(self._waited_for()))
        except TemporaryError as error:
            self._say(f"the API server cannot be asked, waiting for it: {error}", "away")
            return False
        decisions = self.watch.look(releases)
        for release in releases:
            drain = noted_drain(release.status, decisions[release.id], self.world.clock.now())
            noted = self._note(release, drain | noted_overdue(release))
            self._shrink(noted)
        for release in self._beside:
            self._shrink(release)
        _refuse_mistaken(releases, decisions)
        return self._report(releases, decisions)

    def preview(self) -> None:
        """One look, and what would be waited for."""
        releases = self._in_force(self._waited_for())
        decisions = self.watch.look(releases)
        for release in releases:
            decision = decisions[release.id]
            self.world.say(f"{release.id}: {decision.state}: {'; '.join(decision.reasons)}")
        if not releases:
            self.world.say("nothing to wait for: no earlier release is draining")

    def _waited_for(self) -> list[Release]:
        params, kube = self.params, self.world.kube
        given = read_release(kube, params.namespace, params.app, params.release)
        # The records before the route: a switch in between changes the record, so that what is noted by it conflicts.
        records, unreadable = list_records(kube, params.namespace, params.app)
        for record in unreadable:
            if record.release not in self._told:
                self._told.add(record.release)
                self.world.say(f"{record.release}: kept, and not waited for: {record.why}")
        self._current = read_route(kube, given.spec.app).current
        waited_for = to_wait_for(records, params.release, self._current)
        self._beside = [r for r in records if r not in waited_for and r.id != self._current]
        return waited_for

    def _in_force(self, releases: list[Release]) -> list[Release]:
        policy = read_policy(self.world.kube, self.params.namespace, self.params.app)
        return [under(policy, release) for release in releases]

    def _demoted(self, releases: list[Release]) -> list[Release]:
        now = self.world.clock.now()
        return [self._note(release, noted_demotion(release.status, now)) for release in releases]

    def _note(self, release: Release, changes: dict[str, Any]) -> Release:
        if not changes:
            return release
        try:
            noted = note_if_unchanged(self.world.kube, release, **changes)
            return noted.model_copy(update={"spec": release.spec})  # under the policy, as before
        except TemporaryError as error:
            # Somebody else wrote first, or the API server is away: the next look reads the record again.
            if not isinstance(error, Conflict):
                self._say(f"the record of {release.id} cannot be written: {error}", "unwritten")
            return release

    def _shrink(self, release: Release) -> None:
        """Give up what idles. No waiting depends on it: what hinders it is told, and the next look tries again.

        Only one does it, whoever waits for the current release: two that know different things of a pod, each with a
        right to lower the number, may end a busy one.
        """
        if self._current != self.params.release:
            return
        try:
            told = {s.workload: s.reason for s in self.shrinking.look(release, self._current)}
        except Conflict:
            return
        except RainbowError as error:
            told = {"": str(error)}
        for workload, reason in told.items():
            where = f"{release.id}: {workload or 'not shrunk'}"
            if self._shrunk.get(where) != reason:
                self._shrunk[where] = reason
                self.world.say(f"{where}: {reason}")

    def _report(self, releases: list[Release], decisions: dict[str, DrainDecision]) -> bool:
        waiting = [r for r in releases if decisions[r.id].state is not DrainState.DRAINED]
        left = {release.id for release in waiting}
        for name in sorted((self._pending | {r.id for r in releases}) - left - self._done):
            decision = decisions.get(name)
            self.world.say(f"{name}: {'; '.join(decision.reasons) if decision else 'need not be waited for any more'}")
            self._done.add(name)
        self._done -= left  # what was idle has work again
        self._pending = left
        if self._done or left:
            self.world.progressed(len(self._done), len(self._done | left))
        if not waiting:
            self.world.say("no earlier release is left to wait for")
            return True
        self.interval = min(r.spec.app.drain.prometheus.interval for r in waiting)
        text = "; ".join(f"{r.id}: {decisions[r.id].blocker}" for r in waiting)
        self._say(f"waiting for {text}", [(r.id, decisions[r.id].state, decisions[r.id].tasks) for r in waiting])
        return False

    def _say(self, line: str, shown: object) -> None:
        """Say it when what it shows is new, or when nothing was said for a while."""
        self.said, now = line, self.world.clock.monotonic()
        if shown != self._shown or now - self._said_at >= SPEAK_EVERY.total_seconds():
            self.world.say(line)
            self._shown, self._said_at = shown, now


def _refuse_mistaken(releases: list[Release], decisions: dict[str, DrainDecision]) -> None:
    """Raises BadInput for the releases about which rainbow.yaml asks wrongly: hours of waiting would change nothing."""
    mistaken = [r for r in releases if decisions[r.id].state is DrainState.MISTAKEN]
    if not mistaken:
        return
    told = "; ".join(f"{r.id}: {decisions[r.id].blocker} ({_asked(r)})" for r in mistaken)
    namespace, app = mistaken[0].namespace, mistaken[0].app
    raise BadInput(
        f"app {app} in namespace {namespace}: nothing was changed, and no waiting will help: {told}. Correct it in "
        "rainbow.yaml for the releases to come, and for those that are there, which keep what they were made with: "
        f"rainbow policy set -n {namespace} {app} 'drain.prometheus.query=QUERY'"
    )


def _asked(release: Release) -> str:
    """The queries as rainbow.yaml had them when the release was made."""
    drain = release.spec.app.drain.prometheus
    reporting = "" if drain.reporting is None else f"; reporting: {drain.reporting}"
    return f"query: {drain.query}{reporting}"
