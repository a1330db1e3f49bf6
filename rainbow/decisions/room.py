"""Whether room is made for a release of blue/green: only for one that may go live, as somebody has to go for it (F1).

What makes way is what a rollback would go to. So whatever would stop the release later, at `deploy` or at `switch`, is
asked here before: a hold of the app, its own deletion, and that it comes too late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rainbow.decisions.overtaking import overtaken
from rainbow.decisions.switch import held
from rainbow.model.release import Mark, Phase, Release
from rainbow.model.route import RouteState


class Act(StrEnum):
    """What to do for it."""

    MAKE = "make"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True)
class RoomDecision:
    """What to do, and why."""

    act: Act
    reason: str


def decide_room(
    release: Release, route: RouteState, releases: Sequence[Release], hold: Mark | None = None
) -> RoomDecision:
    """Of the release that is to be deployed. `releases`: all of the app; `hold`: of the app."""
    if route.current == release.id:
        return RoomDecision(Act.NOTHING, f"release {release.id} is current already: the idle one stays")
    if release.status.phase is Phase.DELETED:
        again = f"rainbow redeploy -n {release.namespace} {release.app} {release.id}"
        return RoomDecision(Act.REFUSE, f"release {release.id} has been deleted; to have it again: {again}")
    if hold is not None:
        return RoomDecision(Act.REFUSE, held(release.namespace, release.app, hold))
    if (late := overtaken(release, route, releases)) is not None:
        return RoomDecision(Act.REFUSE, "; ".join(late.reasons))
    return RoomDecision(Act.MAKE, "the idle one makes way")


def waits_for_approval(release: Release) -> bool:
    """Whether it may be at its gate, where it can stand for a week: tested, and a person has not decided yet."""
    return release.spec.app.approval and release.status.phase is Phase.READY
