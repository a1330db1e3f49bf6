"""What a load is to do, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """One load; times are seconds, rates per second.

    `task_seconds` is the mix of task lengths, taken in turn. Every `fresh_every`-th request uses a connection of its
    own, the others share `connections` that are kept alive. `log` gets one line of JSON per answer and task.
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
    max_in_flight: int = 500
    log: Path | None = None
