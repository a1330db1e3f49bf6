"""The names on the bus, each in one place. The release id ends every subject (S5)."""

from __future__ import annotations

STREAM = "spawn-tasks"
BUCKET = "spawn-tasks"
ALL_TASKS = "spawn.tasks.>"
ALL_STORAGE = "spawn.storage.*"
STORAGE_GROUP = "storage"


def task(kind: str, release: str) -> str:
    """Return the subject on which a task of this kind is given to the workers of a release."""
    return f"spawn.tasks.{kind}.{release}"


def tasks_of(release: str) -> str:
    """Return the filter for all tasks of a release."""
    return f"spawn.tasks.*.{release}"


def storage(release: str) -> str:
    """Return the subject on which workers of a release ask for a result to be stored."""
    return f"spawn.storage.{release}"


def consumer(release: str) -> str:
    """Return the name of the durable consumer that the workers of a release share."""
    return f"workers-{release}"


def release_in(subject: str) -> str:
    """Return the release that a subject belongs to: its last token."""
    return subject.rsplit(".", 1)[-1]
