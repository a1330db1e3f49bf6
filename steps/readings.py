"""Reading everything that the removal of releases is decided by, until it says something definite.

A release whose work nobody has seen often enough in a row is looked at again and again, with the three lists that
takes; everything else is read once, and once more when that is too long ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.snapshot import Snapshot
from rainbow.adapters.survey import AppSeen, survey
from rainbow.adapters.world import World
from rainbow.decisions.drain import DrainState
from rainbow.decisions.retention import Verdict
from rainbow.errors import PermanentError
from rainbow.model.release import Release

FRESH = timedelta(seconds=10)  # what is deleted was read again no longer ago than this
PATIENCE = timedelta(minutes=8)  # for samples in a row, at most
BEAT = 5.0  # seconds between two calls of `waiting`


@dataclass
class Readings:
    """What is known of the apps of some namespaces, or of one of them.

    `rules`: the policy that a release is judged by, when another than the one in force; `only`: whom it is about.
    `waiting` is called every now and then between two looks. `lists` counts the list calls of all readings.
    """

    world: World
    watch: DrainWatch
    namespaces: Sequence[str]
    app: str | None = None
    rules: Callable[[Release], Release] = lambda release: release
    only: Callable[[AppSeen, Release], bool] = lambda _app, _release: True
    waiting: Callable[[], None] = lambda: None
    seen: list[AppSeen] = field(default_factory=list)
    lists: int = 0
    _read_at: datetime | None = None
    _about: set[str] | None = None  # uids of those whose work still matters; all of them when None

    def read(self, about: set[str] | None = None) -> list[AppSeen]:
        """Read everything, and look at the work again and again while some release only lacks samples in a row.

        `about`: the uids of those whose work matters, when not all.
        """
        self._about = about
        self._survey()
        begun = self.world.clock.monotonic()
        while (lacking := self._lacking()) and self.world.clock.monotonic() < begun + _row(lacking).total_seconds():
            self._pause(min(r.spec.app.drain.prometheus.interval for r in lacking))
            self._look({r.uid for r in lacking})
        self.refresh()
        return self.seen

    def verdicts(self) -> Iterator[tuple[AppSeen, Release, Verdict]]:
        """What becomes of each release."""
        now = self.world.clock.now()
        for seen in self.seen:
            for release, verdict in seen.verdicts(now) if seen.trouble is None else ():
                if self.only(seen, release):
                    yield seen, release, verdict

    def refresh(self) -> None:
        """Read everything again unless that was done just now."""
        if self._read_at is None or self.world.clock.now() - self._read_at > FRESH:
            self._survey()

    def _pause(self, duration: timedelta) -> None:
        until = self.world.clock.monotonic() + duration.total_seconds()
        while (left := until - self.world.clock.monotonic()) > 0:
            self.world.clock.sleep(min(left, BEAT))
            self.waiting()

    def _survey(self) -> None:
        snapshot, self.seen = Snapshot.of(self.world.kube), []
        for namespace in self.namespaces:
            self.seen += [
                replace(a, releases=tuple(map(self.rules, a.releases))) for a in self._apps(snapshot, namespace)
            ]
        self._read_at = self.world.clock.now()
        self._look(self._about, snapshot)

    def _apps(self, snapshot: Snapshot, namespace: str) -> list[AppSeen]:
        try:
            return survey(snapshot, namespace, self.app)
        except PermanentError as error:  # no right there, say: the other namespaces are none the worse for it
            return [AppSeen(namespace, self.app or "*", trouble=error)]

    def _look(self, at: set[str] | None, snapshot: Snapshot | None = None) -> None:
        """Look at the work of those releases, by their uid; of all that it matters of when None."""
        self.watch.kube = snapshot = snapshot or Snapshot.of(self.world.kube)
        now = self.world.clock.now()
        for index, app in enumerate(self.seen):
            asked = [r for r in app.asked(now) if at is None or r.uid in at]
            self.seen[index] = replace(app, drains={**app.drains, **self.watch.look(asked)}) if asked else app
        self.lists += snapshot.lists

    def _lacking(self) -> list[Release]:
        """The releases that lack nothing but samples in a row."""
        now = self.world.clock.now()
        asked = [(app, r) for app in self.seen for r in app.asked(now) if r.id in app.drains]
        return [r for app, r in asked if app.drains[r.id].state is DrainState.SETTLING]


def _row(lacking: Sequence[Release]) -> timedelta:
    """How long a whole row of samples takes. Who has none by then works now and then, and is left to a later pass.

    All others wait for it: of releases that never settle there may be one at each pass.
    """
    drains = [release.spec.app.drain.prometheus for release in lacking]
    return min(PATIENCE, max(drain.samples * max(drain.interval, drain.max_age) for drain in drains))
