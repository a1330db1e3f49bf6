"""What the status of a release says as Kubernetes conditions, for `kubectl wait` and for people (API conventions).

They add nothing: each is derived from the other fields, with the time that the field bears; a time that no field bears
any more, as that of the end of a hold, is the one at which the condition was first seen to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rainbow.model.release import Condition, Mark, Phase, ReleaseStatus, SchemaNote

TRUE, FALSE = "True", "False"
_GONE_BY = (Phase.DRAINED, Phase.DELETED)


@dataclass(frozen=True)
class _Found:
    """A condition without its type; `since` is None when no field of the status says it."""

    holds: bool
    reason: str
    message: str | None = None
    since: datetime | None = None


def derive_conditions(status: ReleaseStatus, now: datetime) -> list[Condition]:
    """All conditions of a status; `status.conditions` are those of before."""
    before = {condition.type: condition for condition in status.conditions}
    return [_condition(type_, found, before.get(type_), now) for type_, found in _found(status)]


def _found(status: ReleaseStatus) -> Sequence[tuple[str, _Found]]:
    return (
        ("Deployed", _deployed(status)),
        ("Tested", _reached(status.tested_at, "TestsPassed", "TestsNotPassed")),
        ("Live", _live(status)),
        ("Drained", _drained(status)),
        ("Failed", _failed(status)),
        ("Held", _marked(status.hold, "HeldByOperator", "NotHeld")),
        ("Rejected", _marked(status.rejected, "RolledBackFrom", "NotRejected")),
        ("Sealed", _reached(status.sealed_at, "RoutesClosed", "Open")),
        *([("SchemaSettled", _schema(status.schema_state))] if status.schema_state is not None else []),
    )


def _condition(type_: str, found: _Found, before: Condition | None, now: datetime) -> Condition:
    status = TRUE if found.holds else FALSE
    kept = before.last_transition_time if before is not None and before.status == status else now
    return Condition(
        type=type_,
        status=status,
        reason=found.reason,
        message=found.message or "",
        last_transition_time=found.since or kept,
    )


def _reached(at: datetime | None, reason: str, otherwise: str) -> _Found:
    return _Found(False, otherwise) if at is None else _Found(True, reason, since=at)


def _marked(mark: Mark | None, reason: str, otherwise: str) -> _Found:
    return _Found(False, otherwise) if mark is None else _Found(True, reason, f"{mark.by}: {mark.reason}", mark.at)


def _deployed(status: ReleaseStatus) -> _Found:
    if status.phase is Phase.DELETED:
        return _Found(False, "Deleted", since=status.deleted_at)
    return _reached(status.deployed_at, "ObjectsReady", "NotReady")


def _live(status: ReleaseStatus) -> _Found:
    if status.phase is Phase.CURRENT:
        return _Found(True, "RouteLeadsHere", since=status.live_at)
    if status.demoted_at is not None:
        return _Found(False, "Replaced", since=status.demoted_at)
    return _Found(False, "NotLiveYet" if status.live_at is None else "Replaced")


def _drained(status: ReleaseStatus) -> _Found:
    if status.phase in _GONE_BY and status.drained_at is not None:
        return _Found(True, "NoWorkLeft", since=status.drained_at)
    return _Found(False, "Draining" if status.phase is Phase.DRAINING else "NotDraining", status.blocker)


def _schema(note: SchemaNote) -> _Found:
    """Whether it has nothing left to do to the schema of the database, as far as it has tried."""
    if note.under_way is not None:
        return _Found(False, "UnderWay", f"{note.under_way} was begun, and has not ended", note.at)
    if note.waits is not None:
        return _Found(False, "ReleasesInTheWay", note.waits)
    return _Found(True, "NothingToDo", f"the schema has version {note.version}")


def _failed(status: ReleaseStatus) -> _Found:
    if status.phase is not Phase.FAILED:
        return _Found(False, "NotFailed")
    return _Found(True, "ReleaseFailed", status.message, status.failed_at)
