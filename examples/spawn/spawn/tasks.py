"""A task, as it travels in messages and as its state is kept in the bucket.

Releases read each other's records, so reading ignores fields that it does not know and fills in those that are missing:
a release works beside the one before and the one after (C5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum

KINDS = ("image", "container")
LONGEST_SECONDS = 7 * 24 * 3600


class Status(StrEnum):
    """How far a task is."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    FINISHED = "finished"


class TaskError(ValueError):
    """A request or record that is not a task; the message is fit for the user."""


@dataclass(frozen=True)
class Task:
    """One task: what was asked, who accepted it, who did it, where the result is. Times are Unix seconds."""

    id: str
    kind: str
    seconds: float
    release: str
    accepted_at: float
    status: Status = Status.ACCEPTED
    started_at: float | None = None
    finished_at: float | None = None
    finished_release: str | None = None
    finished_by: str | None = None
    attempts: int = 0
    stored: str | None = None

    def started(self, attempt: int, now: float) -> Task:
        """Return the task as a worker has begun it."""
        return replace(self, status=Status.RUNNING, started_at=now, attempts=attempt)

    def finished(self, release: str, worker: str, stored: str, now: float) -> Task:
        """Return the task with its result stored."""
        return replace(
            self,
            status=Status.FINISHED,
            finished_at=now,
            finished_release=release,
            finished_by=worker,
            stored=stored,
        )

    def to_json(self) -> bytes:
        """Return the record as compact JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Task:
        """Read a record of any release; raises TaskError when it is none."""
        try:
            raw = json.loads(data)
            known = {f.name for f in fields(cls)}
            values = {name: value for name, value in raw.items() if name in known}
            return cls(**{**values, "status": Status(values.get("status", Status.ACCEPTED))})
        except (ValueError, TypeError, AttributeError) as error:
            raise TaskError(f"not a task record: {error}") from error


def asked_for(body: Mapping[str, object]) -> tuple[str, float]:
    """Check the body of POST /tasks; returns kind and seconds, raises TaskError with a message for the user."""
    kind, seconds = body.get("kind"), body.get("seconds", 1)
    if not isinstance(kind, str) or kind not in KINDS:
        raise TaskError(f"kind: expected one of {', '.join(KINDS)}, found {kind!r}")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_SECONDS:
        raise TaskError(f"seconds: expected a number from 0 to {LONGEST_SECONDS}, found {seconds!r}")
    return kind, float(seconds)
