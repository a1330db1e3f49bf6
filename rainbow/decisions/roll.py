"""Where an app that is rolled stands, whether it may be rolled to a release, and whether that has to be undone (F2).

Which release the app is at is read from the live Deployments: all of them say the same in an annotation, and no pod of
an older template is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rainbow.decisions.overtaking import overtaken
from rainbow.model.release import Phase, Release
from rainbow.model.route import RouteState


@dataclass(frozen=True)
class Part:
    """One live Deployment: the release that it was rolled to, and what that roll left on it.

    `settled`: the controller has seen it, and no pod of an older template is left.
    """

    name: str
    release: str
    settled: bool
    previous: str | None = None
    at: datetime | None = None
    token: int | None = None
    ordered_at: datetime | None = None


@dataclass(frozen=True)
class Rolled:
    """Where the app is: at `release`, or on its way there; and what the last roll left."""

    last: Part
    settled: bool
    releases: frozenset[str]  # all that its Deployments are at

    @property
    def release(self) -> str:
        """The release of the last roll."""
        return self.last.release


def standing(parts: Sequence[Part]) -> Rolled | None:
    """None when nothing was ever rolled. Where Deployments differ, the roll with the highest token is the last one."""
    if not parts:
        return None
    last = max(parts, key=lambda part: (part.token or 0, part.at.timestamp() if part.at else 0.0, part.name))
    releases = frozenset(part.release for part in parts)
    return Rolled(last, all(part.settled for part in parts) and len(releases) == 1, releases)


# --- what follows -------------------------------------------------------------------------------------------


class Act(StrEnum):
    """What to do."""

    ROLL = "roll"
    UNDO = "undo"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True)
class RollDecision:
    """What to do and why. `before` is the release to go back to when it fails; to `UNDO` is to roll to that."""

    act: Act
    reason: str
    before: str | None = None
    superseded: bool = False


def decide_roll(
    release: Release, at: Rolled | None, route: RouteState, releases: Sequence[Release], hold: str | None = None
) -> RollDecision:
    """Whether the app may be rolled to a release that nobody has tested: users get it at once, unlike by a switch."""
    current = next((r for r in releases if r.id == route.current), None)
    if current is not None and release.rolled and not current.rolled:
        why = f"release {current.id} is current and has objects of its own, which cannot be rolled over in place"
        return RollDecision(Act.REFUSE, why)
    before = _before(release, at, releases)
    if at is not None and at.release == release.id and at.settled:
        return RollDecision(Act.NOTHING, f"the app is at {release.id} already", before)
    if (late := overtaken(release, route, releases)) is not None:
        return RollDecision(Act.REFUSE, "; ".join(late.reasons), superseded=late.for_good)
    if hold is not None:
        return RollDecision(Act.REFUSE, hold)
    here = "nothing" if at is None else at.release if at.settled else f"{at.release}, by half"
    return RollDecision(Act.ROLL, f"roll the app from {here} to {release.id}", before)


def decide_undo(release: Release, at: Rolled | None, releases: Sequence[Release]) -> RollDecision:
    """Whether a release that failed is to be undone: only while the app is at it, and it never became current."""
    if at is None or release.id not in at.releases:
        return RollDecision(Act.NOTHING, f"the app is not at {release.id}, but at {at.release if at else 'nothing'}")
    if at.release != release.id and not _lived(at.release, releases):
        return RollDecision(Act.NOTHING, f"the app is on its way from {release.id} to {at.release}")
    if release.status.phase is Phase.CURRENT or release.status.live_at is not None:
        return RollDecision(Act.NOTHING, f"{release.id} has become current: rainbow rollback leads away from it")
    before = _before(release, at, releases)
    if before is None:
        return RollDecision(Act.NOTHING, f"there is no release before {release.id} to go back to, so it stays")
    return RollDecision(Act.UNDO, f"{release.id} failed: roll the app back to {before}", before)


def _before(release: Release, at: Rolled | None, releases: Sequence[Release]) -> str | None:
    """The last release that users were to stay with: not one that was rolled to and came to nothing."""
    if at is None:
        return None
    if at.release != release.id and _lived(at.release, releases):
        return at.release
    previous = at.last.previous
    return previous if previous not in (None, release.id) and _lived(previous, releases) else None


def _lived(release: str | None, releases: Sequence[Release]) -> bool:
    return any(r.id == release and r.status.live_at is not None for r in releases)
