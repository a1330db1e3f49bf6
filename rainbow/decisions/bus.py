"""What the consumers on the bus say of a release's work, and which of them belong to releases that are gone (B10).

Work is what waits in the stream for a consumer of the release, and what was given to one and is not acknowledged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

_TOKEN = re.compile(r"\$(namespace|app|release)\b|\*")


@dataclass(frozen=True)
class Consumer:
    """A consumer of a stream. `delivered` counts what was ever given to it; `created` is by the server's clock."""

    name: str
    pending: int
    unacknowledged: int
    delivered: int
    created: datetime
    acknowledges: bool = True

    @property
    def left(self) -> str | None:
        """What it has still to do, as a text; None for nothing."""
        parts = [f"{n} {what}" for n, what in ((self.pending, "pending"), (self.unacknowledged, "unacknowledged")) if n]
        return ", ".join(parts) or None


@dataclass(frozen=True)
class BusWork:
    """What the bus holds for a release, over all its consumers; or a problem, and then nothing is known."""

    pending: int = 0
    unacknowledged: int = 0
    delivered: int = 0
    problem: str | None = None

    @property
    def tasks(self) -> int:
        """All that is not finished."""
        return self.pending + self.unacknowledged

    def __str__(self) -> str:
        """For messages."""
        return f"{self.pending} pending and {self.unacknowledged} unacknowledged on the bus"


def bus_work(consumers: Collection[Consumer], stream: str, pattern: str) -> BusWork:
    """The work of a release by its consumers. No consumer at all is not the same as no work."""
    if not consumers:
        return BusWork(problem=f"stream {stream} has no consumer {pattern}; is drain.jetstream.consumers right?")
    deaf = sorted(consumer.name for consumer in consumers if not consumer.acknowledges)
    if deaf:
        return BusWork(problem=f"consumer {deaf[0]} acknowledges nothing, so what is at work cannot be known")
    return BusWork(
        sum(c.pending for c in consumers),
        sum(c.unacknowledged for c in consumers),
        sum(c.delivered for c in consumers),
    )


@dataclass(frozen=True)
class Naming:
    """How names on the bus are made for the releases of an app: a template of rainbow.yaml, `*` for any text."""

    template: str
    namespace: str
    app: str

    def of(self, release: str) -> str:
        """The release's own pattern: $namespace, $app and $release are filled in."""
        values = {"namespace": self.namespace, "app": self.app, "release": release}
        return _TOKEN.sub(lambda match: values[match[1]] if match[1] else match[0], self.template)

    def own(self, names: Iterable[str], release: str, others: Iterable[str]) -> list[str]:
        """The names that the release's pattern matches and that of no other release does.

        By `workers-$release-*` the pattern of v1 matches a consumer of v1-rc as well: it is not v1's to remove.
        """
        foreign = [self.of(other) for other in others if other != release]
        mine = [name for name in names if matches(self.of(release), name)]
        return sorted(name for name in mine if not any(matches(pattern, name) for pattern in foreign))

    def left_behind(self, names: Iterable[str], releases: Iterable[str]) -> dict[str, list[str]]:
        """Names that are made like this, but for none of these releases: the release they name → the names."""
        known, found = [self.of(release) for release in releases], dict[str, list[str]]()
        for name in sorted(names):
            release = self.release_in(name)
            if release is not None and not any(matches(pattern, name) for pattern in known):
                found.setdefault(release, []).append(name)
        return found

    def release_in(self, name: str) -> str | None:
        """The release that a name is made for; None when it is made otherwise, or the template names no release."""
        pattern, at = "", 0
        for match in _TOKEN.finditer(self.template):
            pattern += re.escape(self.template[at : match.start()])
            if match[0] == "*":
                pattern += ".*"
            elif match[1] == "release":
                pattern += "(?P=release)" if "(?P<release>" in pattern else "(?P<release>[a-z0-9-]+)"
            else:
                pattern += re.escape({"namespace": self.namespace, "app": self.app}[match[1]])
            at = match.end()
        found = re.fullmatch(pattern + re.escape(self.template[at:]), name)
        return found.groupdict().get("release") if found else None


def matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern in which only `*` has a meaning."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None
