"""What a change of a release's status is told as: the events that `kubectl describe release` shows.

Only what people would want to know a day later: a new phase, and the marks that somebody set or took away.
"""

from __future__ import annotations

from dataclasses import dataclass

from rainbow.model.release import Mark, Phase, Promise, ReleaseStatus, SchemaNote

NORMAL, WARNING = "Normal", "Warning"


@dataclass(frozen=True)
class Happening:
    """The type, reason and message of an event (Kubernetes, core/v1 Event); `reason` is one CamelCase word."""

    type: str
    reason: str
    message: str


_TOLD = {
    Phase.PENDING: "its objects are being applied",
    Phase.TESTING: "its objects are ready, its tests are run",
    Phase.READY: "it passed its tests",
    Phase.CURRENT: "the route leads to it: it carries the users' traffic",
    Phase.DRAINING: "it is current no more, and stays until its work is done",
    Phase.DRAINED: "it has no work left",
    Phase.DELETED: "its objects are being deleted; this record stays",
}


def happenings(before: ReleaseStatus, after: ReleaseStatus) -> tuple[Happening, ...]:
    """What happened from one status to the next, in the order of telling."""
    found = []
    if before.phase is not after.phase:
        found.append(_phase(after))
    if (before.sealed_at is None) != (after.sealed_at is None):
        found.append(_sealed(after))
    found += marks("Held", "Resumed", before.hold, after.hold)
    found += _waived(before, after)
    found += _schema(before.schema_state, after.schema_state)
    found += marks("Rejected", "RejectionLifted", before.rejected, after.rejected)
    return tuple(found)


def _phase(after: ReleaseStatus) -> Happening:
    if after.phase is Phase.FAILED:
        return Happening(WARNING, Phase.FAILED, after.message or "no reason recorded")
    return Happening(NORMAL, after.phase, _TOLD[after.phase])


def _sealed(after: ReleaseStatus) -> Happening:
    if after.sealed_at is None:
        return Happening(NORMAL, "Unsealed", "its own routes are open again")
    return Happening(NORMAL, "Sealed", "its own routes are closed: no new work can reach it")


def _waived(before: ReleaseStatus, after: ReleaseStatus) -> list[Happening]:
    """Kept promises are no news, and broken ones fail the release."""
    new = after.compatibility
    if new is None or new.promise is not Promise.WAIVED or new == before.compatibility:
        return []
    return [Happening(WARNING, "BreaksPromise", new.reason)]


def _schema(before: SchemaNote | None, after: SchemaNote | None) -> list[Happening]:
    """What this release did to the database, or is kept from doing; what others did stands on their records."""
    if after is None or before == after:
        return []
    found = []
    was = before.under_way if before is not None else None
    if after.under_way is not None and after.under_way is not was:
        to = f" towards version {after.to}" if after.to is not None else ""
        found.append(Happening(NORMAL, "SchemaChanges", f"{after.under_way} of the schema was begun{to}"))
    if was is not None and after.under_way is None:
        rows = "all old rows are moved" if after.backfilled else "not all old rows are moved"
        text = f"{was} has ended: the schema has version {after.version}, {rows}"
        found.append(Happening(NORMAL, "SchemaChanged", text))
    if after.waits is not None and (before is None or after.waits != before.waits):
        found.append(Happening(WARNING, "ContractWaits", after.waits))
    return found


def marks(set_: str, taken: str, before: Mark | None, after: Mark | None) -> list[Happening]:
    """What the change of a mark is told as: the event when it is set, or another when it is taken away."""
    if before == after:
        return []
    if after is None:
        return [Happening(NORMAL, taken, f"before: {before.by}: {before.reason}" if before else "")]
    return [Happening(WARNING, set_, f"{after.by}: {after.reason}")]
