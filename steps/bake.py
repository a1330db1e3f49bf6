"""Watch a release for some time after its switch; a breach switches back by itself (B4).

What is watched, for how long, and how many breaches in a row are too many stands under `bake` in rainbow.yaml; see
rainbow/decisions/bake.py for the rules. The time counts from the switch, or from the end of the roll, not from the
start of this pod. A breach switches back under a hold of the app as well: the hold keeps people from new risks, and
this takes one away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from rainbow.adapters.bake import BakeWatch
from rainbow.adapters.drain import PrometheusUrl
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.records import note_if_unchanged, read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.world import World
from rainbow.decisions.bake import Act, BakeDecision, Found, Look, Standing, counts_from, decide_bake, judge, standing
from rainbow.errors import Conflict, PermanentError, TemporaryError
from rainbow.model.durations import Duration, format_duration
from rainbow.model.release import Release
from steps import rollback
from steps.going_back import Seen, finish, switch_back, why
from steps.shape import StepParams

SPEAK_EVERY = timedelta(seconds=60)
AWAY = 5.0  # seconds until the API server is asked again
ATTEMPTS = 5  # times that the record may change between reading and writing it

OUTPUTS: dict[str, str] = {}

# Whether the release is still current, what is to be watched by now, that it baked, and all that going back takes.
RULES: list[dict[str, Any]] = [*rollback.RULES]


class Params(StepParams):
    """The release that has become current, and for how long at most it is watched in one go."""

    max_wait: Duration = Field(
        default=timedelta(hours=6), description="give up after this long with exit code 75, to be started again"
    )
    prometheus_url: PrometheusUrl = None
    proxy_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="instead of the address in rainbow.yaml, for switching back from outside the cluster",
    )


class _Unclear(TemporaryError):
    """The policy cannot be in force as it is; somebody mends it, and meanwhile this release is watched no less."""


def run(params: Params, world: World) -> None:
    """Watch. Raises PermanentError after a breach, or when it is not known to the end how the release does."""
    watch = _Watch(params, world, BakeWatch(params.prometheus_url))
    if params.dry_run:
        watch.preview()
        return
    until = world.clock.monotonic() + params.max_wait.total_seconds()
    while not watch.look():
        if world.clock.monotonic() >= until:
            raise TemporaryError(f"still baking after {format_duration(params.max_wait)}; start the step again")
        world.clock.sleep(watch.pause)


@dataclass
class _Watch:
    """What outlasts a look: the row of looks, and what was said. A new process begins a new row."""

    params: Params
    world: World
    bakes: BakeWatch
    pause: float = AWAY
    looks: list[Look] = field(default_factory=list)
    _said: str = ""
    _said_at: float = float("-inf")

    def look(self) -> bool:
        """Look once and do what follows. True when the bake is over and all is well."""
        try:
            now = self._read()
        except TemporaryError as error:
            # A row of good looks is no row with a gap in it.
            unknown = str(error) if isinstance(error, _Unclear) else f"the API server cannot be asked: {error}"
            self.looks.append(Look(Found.UNKNOWN, unknown))
            self.pause = AWAY
            self._say(self.looks[-1].why)
            return False
        if standing(now.release, now.route, now.began) is Standing.SWITCHING_BACK:
            self._back(now, why(now.release))
            return False
        if self._over(now):
            return True
        began = now.began or self.world.clock.now()
        decision = self._decide(now, began)
        self._show_progress(now, began)
        match decision.act:
            case Act.END:
                self._end(now, decision)
                return True
            case Act.SWITCH_BACK:
                self._back(now, decision.reason)
                return False
            case Act.GIVE_UP:
                raise PermanentError(
                    f"release {now.release.id} of {self.params.app} stays current, but is not known to be well after "
                    f"{format_duration(2 * now.bake.duration)}: {decision.reason}. Mend what tells it (bake in "
                    "rainbow.yaml) and press Retry, or switch back by hand: rainbow rollback"
                )
        self.pause = now.bake.interval.total_seconds()
        self._say(decision.reason)
        return False

    def preview(self) -> None:
        """One look, and what would follow from it alone."""
        now = self._read()
        if not self._over(now):
            decision = self._decide(now, now.began or self.world.clock.now())
            before = now.route.previous or "nothing, as there was no release before"
            self.world.say(f"bake of {now.release.id} would {decision.act}: {decision.reason}; back would be {before}")

    def _read(self) -> Seen:
        params, kube = self.params, self.world.kube
        # The record before the route: whoever switches in between changes the record, so that a note then conflicts.
        release = read_release(kube, params.namespace, params.app, params.release)
        route = read_route(kube, release.spec.app, though_gone=True)
        began = (route.switched_at or release.status.live_at) if route.current == release.id else None
        if standing(release, route, began) in (Standing.LEFT, Standing.SWITCHED_BACK, Standing.SWITCHING_BACK):
            return Seen(release, route, began)  # whatever is to be watched
        return Seen(self._in_force(release), route, began)

    def _in_force(self, release: Release) -> Release:
        """Under what the policy says of the bake: the rest of it is others' business."""
        try:
            return under(read_policy(self.world.kube, release.namespace, release.app), release, ["bake"])
        except PermanentError as error:
            raise _Unclear(f"what is to be watched is not known: {error}") from error

    def _over(self, now: Seen) -> bool:
        release = now.release
        match standing(release, now.route, now.began):
            case Standing.OPEN:
                return False
            case Standing.NONE:
                self.world.say(f"app {release.app} has no bake (`bake` in rainbow.yaml): release {release.id} stays")
            case Standing.BAKED:
                self.world.say(f"release {release.id} was found to be well before")
            case Standing.LEFT:
                self.world.say(f"release {release.id} is not current any more, {now.route.current} is")
            case Standing.SWITCHED_BACK:
                self._finish(now)
                raise PermanentError(f"release {release.id} of {release.app} was switched back: {why(release)}")
            case Standing.SWITCHING_BACK:
                self.world.say(f"release {release.id} would be switched back, which was begun: {why(release)}")
        return True

    def _decide(self, now: Seen, began: datetime) -> BakeDecision:
        seen = self.bakes.look(now.release, now.bake, now.route.previous, began)
        self.looks.append(judge(now.bake, seen))
        del self.looks[: -now.bake.breaches]
        return decide_bake(self.looks, now.bake, counts_from(now.release, began), self.world.clock.now())

    def _show_progress(self, now: Seen, began: datetime) -> None:
        """In seconds, of those that it has to be well at least."""
        whole = int(now.bake.duration.total_seconds())
        gone = int((self.world.clock.now() - counts_from(now.release, began)).total_seconds())
        self.world.progressed(max(0, min(gone, whole)), whole)

    def _end(self, now: Seen, decision: BakeDecision) -> None:
        for _ in range(ATTEMPTS):
            release = read_release(self.world.kube, now.release.namespace, now.release.app, now.release.id)
            try:
                note_if_unchanged(self.world.kube, release, baked_at=self.world.clock.now())
            except Conflict:
                continue
            self.world.say(f"release {release.id} is well: {decision.reason}")
            return
        raise TemporaryError(f"Release {release.namespace}/{release.name} is being written by others all the time")

    def _back(self, now: Seen, reason: str) -> None:
        """What became of it, the next look tells."""
        self.pause = 0
        self.world.say(f"breach: {reason}; switching back to {now.route.previous or 'nothing'}")
        switch_back(self.world, now, reason, self.params.proxy_url)

    def _finish(self, now: Seen) -> None:
        if not self.params.dry_run:
            finish(self.world, now, self.params.proxy_url)

    def _say(self, line: str) -> None:
        now = self.world.clock.monotonic()
        if line != self._said or now - self._said_at >= SPEAK_EVERY.total_seconds():
            self.world.say(line)
            self._said, self._said_at = line, now
