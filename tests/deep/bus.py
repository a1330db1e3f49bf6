"""A bus with a stream for all releases, a consumer for each, and everything that can be wrong with its answers.

It speaks JetStream's wire API, so that the code that asks it runs as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from rainbow.adapters.nats_api import Connection, Refused, Unheard

T = TypeVar("T")
STREAM, CONSUMERS, SUBJECT = "WORK", "workers-$release", "work.$release"
_PREFIX = "workers-"


class BusFault(StrEnum):
    """What is wrong with it."""

    NONE = "none"
    DOWN = "down"
    PARTIAL = "partial"  # some server does not say what its consumers have
    EMPTY = "empty"
    DEAF = "deaf"  # nothing is acknowledged

    def __repr__(self) -> str:
        return f"BusFault.{self.name}"  # an example is printed as it is written


@dataclass
class Bus:
    """`consumers` are the releases that have one; messages of each wait, or are at work and unacknowledged.

    `guard` is called before something of a release is removed.
    """

    fault: BusFault = BusFault.NONE
    consumers: set[str] = field(default_factory=set)
    waiting: Counter[str] = field(default_factory=Counter)
    at_work: Counter[str] = field(default_factory=Counter)
    guard: Callable[[str], None] = lambda _release: None
    url: str = "nats://bus"
    complaint: str = ""

    def left(self, release: str) -> int:
        """Messages that the release has yet to finish."""
        return self.waiting[release] + self.at_work[release]

    def post(self, release: str) -> None:
        """A message for the workers of a release."""
        if release in self.consumers:
            self.waiting[release] += 1

    def move(self, release: str) -> None:
        """A worker takes a message of the release; or, when none waits, is done with one."""
        if self.waiting[release]:
            self.waiting[release] -= 1
            self.at_work[release] += 1
        elif self.at_work[release]:
            self.at_work[release] -= 1

    def connected(self, _url: str, call: Callable[[Connection], Awaitable[T]]) -> T:
        """In place of a connection. Nothing here waits for anything."""
        if self.fault is BusFault.DOWN:
            raise Unheard("the bus cannot be reached")
        asking: Any = call(self)  # type: ignore[arg-type]
        try:
            asking.send(None)
        except StopIteration as done:
            answer: T = done.value
            return answer
        raise AssertionError("somebody waits")

    async def ask(self, subject: str, _body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What JetStream answers."""
        what, verb, *names = subject.split(".")
        if (what, verb) == ("CONSUMER", "LIST"):
            found = [self._described(release) for release in sorted(self.consumers)]
            answers: dict[BusFault, dict[str, Any]] = {
                BusFault.PARTIAL: {"missing": ["workers-x"]},
                BusFault.EMPTY: {"total": 0, "consumers": []},
            }
            return answers.get(self.fault, {"total": len(found), "consumers": found})
        release = names[-1].removeprefix(_PREFIX)
        if what == "STREAM":
            release = str((_body or {})["filter"]).removeprefix("work.")
            self.guard(release)
            return {"purged": self.waiting.pop(release, 0)}
        if release not in self.consumers:
            raise Refused(f"no consumer {names[-1]}", 10014)
        if verb == "INFO":
            return self._described(release)
        self.guard(release)
        self.consumers.remove(release)
        self.at_work.pop(release, None)
        return {}

    def _described(self, release: str) -> dict[str, Any]:
        return {
            "name": f"{_PREFIX}{release}",
            "num_pending": self.waiting[release],
            "num_ack_pending": self.at_work[release],
            "delivered": {"consumer_seq": 0},
            "created": "2026-05-04T12:00:00Z",
            "config": {"ack_policy": "none" if self.fault is BusFault.DEAF else "explicit"},
        }
