"""The names on the bus, each in one place. The bus's own name begins each of them, the release id ends subjects (S5).

Installations of spawn that share one NATS have a bus each, and so no stream, bucket or subject in common: two releases
of the same id, say v1 in two namespaces, never take each other's tasks.
"""

from __future__ import annotations

STORAGE_GROUP = "storage"
# Not on the bus: what leads to one release over HTTP, as route.releases.path of rainbow.yaml has it.
RELEASE_PATH = "/releases/{release}"


def stream(bus: str) -> str:
    """Return the name of the stream of a bus's tasks."""
    return f"{bus}-tasks"


def bucket(bus: str) -> str:
    """Return the name of the bucket of their states."""
    return f"{bus}-tasks"


def sessions(bus: str) -> str:
    """Return the name of the stream of a bus's sessions."""
    return f"{bus}-sessions"


def session(bus: str, session_id: str, release: str) -> str:
    """Return the subject of a session of a release."""
    return f"{bus}.sessions.{session_id}.{release}"


def all_tasks(bus: str) -> str:
    """Return the filter for all tasks of a bus, which are what its stream holds."""
    return f"{bus}.tasks.>"


def task(bus: str, kind: str, release: str) -> str:
    """Return the subject on which a task of this kind is given to the workers of a release."""
    return f"{bus}.tasks.{kind}.{release}"


def tasks_of(bus: str, release: str) -> str:
    """Return the filter for all tasks of a release."""
    return f"{bus}.tasks.*.{release}"


def storage(bus: str, release: str) -> str:
    """Return the subject on which workers of a release ask for a result to be stored."""
    return f"{bus}.storage.{release}"


def all_storage(bus: str) -> str:
    """Return the filter for all releases' results; the bus may be `*`, for those of every bus."""
    return f"{bus}.storage.*"


def consumer(bus: str, release: str) -> str:
    """Return the name of the durable consumer that the workers of a release share."""
    return f"{bus}-workers-{release}"


def release_in(subject: str) -> str:
    """Return the release that a subject belongs to: its last token."""
    return subject.rsplit(".", 1)[-1]
