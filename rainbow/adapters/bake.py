"""Looks at a release that bakes: the queries of `bake` in rainbow.yaml, asked of Prometheus.

A look never fails because something is away: what could not be read is unknown. The release before has no traffic any
more, so it is asked for what it showed at the moment of the switch, which Prometheus still knows after a restart of
whoever asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rainbow.adapters.prometheus import Prometheus, Unanswered, fill_in
from rainbow.decisions.bake import Observation, Reading, Watched, one_number
from rainbow.model.baking import Bake, Breach
from rainbow.model.release import Release


@dataclass
class BakeWatch:
    """Repeated looks at one release. `url`: instead of the address of Prometheus in rainbow.yaml."""

    url: str | None = None
    _servers: dict[str, Prometheus] = field(default_factory=dict)
    _before: dict[tuple[str, str, datetime], Reading | None] = field(default_factory=dict)

    def look(self, release: Release, bake: Bake, before: str | None, began: datetime) -> Observation:
        """What is known at this moment. `before`: the release that it replaced at `began`, if there was one."""
        server = self._server(release, bake)
        traffic = _ask(server, bake.traffic, release, release.id)
        if not traffic.value:  # nothing else counts then
            return Observation(traffic, ())
        watched = [
            Watched(
                _ask(server, breach.query, release, release.id),
                None if breach.ratio is None or before is None else self._shown(release, bake, breach, before, began),
            )
            for breach in bake.watch
        ]
        return Observation(traffic, tuple(watched))

    def _shown(self, release: Release, bake: Bake, breach: Breach, before: str, began: datetime) -> Reading | None:
        """What the release before showed when it was replaced; None when nobody used it then."""
        key = (breach.query, before, began)
        if key in self._before:
            return self._before[key]
        server = self._server(release, bake)
        reading: Reading | None = _ask(server, breach.query, release, before, began)
        if reading is not None and reading.value is None:
            traffic = _ask(server, bake.traffic, release, before, began)
            if traffic.value is not None and traffic.value <= 0:
                reading = None
        if reading is None or reading.value is not None:
            self._before[key] = reading  # the past does not change; what is unknown is asked again
        return reading

    def _server(self, release: Release, bake: Bake) -> Prometheus:
        url = self.url or bake.prometheus or release.spec.app.drain.prometheus.url
        return self._servers.setdefault(url, Prometheus(url))


def _ask(server: Prometheus, query: str, release: Release, of: str, at: datetime | None = None) -> Reading:
    try:
        series = server.vector(fill_in(query, release.namespace, release.app, of), at)
    except Unanswered as error:
        return Reading(None, str(error))
    return one_number([one.value for one in series])
