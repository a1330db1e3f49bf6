"""Whether a hold may be set or taken away (B5). One at a time: whoever comes second is told who was first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rainbow.decisions.asking import after
from rainbow.model.release import Mark, format_time


class Act(StrEnum):
    """What to do with the mark."""

    SET = "set"
    REMOVE = "remove"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True)
class HoldDecision:
    """What to do, and why."""

    act: Act
    reason: str


def decide_hold(there: Mark | None, wanted: Mark) -> HoldDecision:
    """Of somebody who wants it held. Their own hold may get another reason."""
    if there is None:
        return HoldDecision(Act.SET, f"held by {wanted.by}: {wanted.reason}")
    if there.by != wanted.by:
        # Else the first one's `resume` would end the second one's hold, whose reason nobody knew.
        return HoldDecision(Act.REFUSE, f"{held(there)}; talk to them, or end that hold first")
    if there.reason == wanted.reason:
        return HoldDecision(Act.NOTHING, held(there))
    return HoldDecision(Act.SET, f"held by {wanted.by}, now for another reason: {wanted.reason} (was: {there.reason})")


def decide_resume(there: Mark | None, asked_at: datetime | None = None) -> HoldDecision:
    """Anybody may end a hold that was there when they asked for its end; who did stands in the event."""
    if there is None:
        return HoldDecision(Act.NOTHING, "it is not held")
    if asked_at is not None and after(there.at, asked_at):
        # Retry on an old workflow: whoever pressed it may not know of the newer hold.
        return HoldDecision(Act.REFUSE, f"{held(there)}; its end was asked for before, at {format_time(asked_at)}")
    return HoldDecision(Act.REMOVE, f"no longer {held(there)}")


def held(mark: Mark) -> str:
    """In words: who holds it, since when and why."""
    return f"held by {mark.by} since {format_time(mark.at)}: {mark.reason}"
