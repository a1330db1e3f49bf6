"""What a load is to do, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from rainbow.model.probing import Plan as ProbePlan
from rainbow.model.probing import Target

PATHS = (*["/"] * 19, "/tasks?limit=20")


@dataclass(frozen=True)
class Plan:
    """One load; times are seconds, rates per second.

    `task_seconds` is the mix of task lengths, taken in turn. Every `fresh_every`-th request uses a connection of its
    own, the others share `connections` that are kept alive.
    """

    url: str = "http://127.0.0.1:18080"
    host: str = "spawn.localhost"
    rate: float = 50.0
    tasks_per_second: float = 1.0
    task_seconds: tuple[float, ...] = (1, 2, 5, 1, 10, 3, 1, 90, 2, 20)
    connections: int = 8
    fresh_every: int = 5
    request_timeout: float = 30.0
    # A task may wait, be given to another worker, and be stored: this much longer than twice its length it is lost.
    task_allowance: float = 60.0
    max_seconds: float = 1200.0
    max_requests: int = 200_000
    max_tasks: int = 5_000

    @property
    def requests(self) -> ProbePlan:
        """The requests that have nothing to do with tasks."""
        return ProbePlan(
            targets=tuple(Target.parse(f"http://{self.host}{path}") for path in PATHS),
            rate=self.rate,
            seconds=min(self.max_seconds, self.max_requests / self.rate),
            most=self.max_requests,
            connect=urlsplit(self.url).netloc,
            connections=self.connections,
            fresh_every=self.fresh_every,
            timeout=self.request_timeout,
        )
