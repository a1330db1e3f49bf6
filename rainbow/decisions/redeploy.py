"""Whether a release that was deleted may be had again, and what its record then says (S11).

It is treated like a new one: deployed, tested and switched to, and newer than all that were submitted before. What it
was before its deletion stays in the events only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rainbow.model.release import Phase, Release, ReleaseStatus, format_time

# The images that were built are known; the inventory is what `delete` goes by; an operator's hold is theirs to end;
# what was seen of the database is no part of the life of a release.
_KEPT = frozenset({"images", "objects", "hold", "schema_state", "conditions"})


class Act(StrEnum):
    """What to do."""

    TAKE_UP = "take-up"
    NOTHING = "nothing"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True)
class RedeployDecision:
    """What to do, and why. `build`: its images have to be built again."""

    act: Act
    reason: str
    build: bool = False


def decide_redeploy(
    release: Release,
    *,
    left: int = 0,
    hidden: str | None = None,
    allow_rejected: bool = False,
    on_bus: str | None = None,
    misfit: str | None = None,
) -> RedeployDecision:
    """The decision. `left` objects of its earlier life are still there; `hidden`: why some could not be looked at.

    `on_bus`: the work that it was deleted with and that is there still, for pods that knew nothing of it; `misfit`: why
    it does not work with the schema of the database as it is.
    """
    status, spec = release.status, release.spec
    build = bool(missing := sorted(name for name in spec.app.images if name not in {**status.images, **spec.images}))
    if status.phase is not Phase.DELETED or status.deleted_at is None:
        return _still_there(release, build)
    if status.rejected is not None and not allow_rejected:
        mark = status.rejected
        why = f"it was rolled back from by {mark.by} at {format_time(mark.at)}: {mark.reason}; or --allow-rejected"
        return RedeployDecision(Act.REFUSE, why)
    if misfit is not None:
        return RedeployDecision(Act.REFUSE, f"its schema is gone: {misfit}")
    if build and (spec.source is None or spec.source.git is None):
        why = f"what its images {', '.join(missing)} were to be built from went with it; release it under a new id"
        return RedeployDecision(Act.REFUSE, why)
    if (rest := hidden or (f"objects left: {left}" if left else on_bus)) is not None:
        return RedeployDecision(
            Act.WAIT, f"its deletion is not finished: {rest}; run collect-garbage, and then this again"
        )
    return RedeployDecision(Act.TAKE_UP, "its record is taken up again, to be deployed, tested and switched to", build)


def taken_up(now: datetime, run: str = "") -> dict[str, Any]:
    """The fields of its status: those of a new release, which is newer than all others. `run`: uid of the workflow."""
    changes: dict[str, Any] = dict.fromkeys(set(ReleaseStatus.model_fields) - _KEPT)
    return changes | {"phase": Phase.PENDING, "redeployed_at": now, "redeployed_run": run or None}


def _still_there(release: Release, build: bool) -> RedeployDecision:
    status = release.status
    if status.phase is Phase.DELETED:
        return RedeployDecision(Act.WAIT, "its deletion has just begun, and may still be taken back")
    if status.redeployed_at is not None and status.phase is Phase.PENDING:
        return RedeployDecision(Act.NOTHING, f"it was taken up at {format_time(status.redeployed_at)} already", build)
    where = f"-n {release.namespace} {release.app} {release.id}"
    if status.phase in (Phase.DRAINING, Phase.DRAINED):
        return RedeployDecision(Act.REFUSE, f"it is still there ({status.phase}): rainbow rollback {where}")
    if status.phase is Phase.CURRENT:
        return RedeployDecision(Act.REFUSE, "it is current")
    return RedeployDecision(Act.REFUSE, f"it is still there ({status.phase}): retry its workflow, or release anew")
