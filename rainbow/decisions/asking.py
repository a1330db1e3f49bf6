"""Whether what somebody asked for is still what people want, and how a decision of theirs is dated.

A workflow carries a wish as long as somebody presses Retry on it. The route says when the last move was asked for that
a person ordered: whoever has asked before that comes too late. Times of workflows are whole seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rainbow.model.release import Release, format_time
from rainbow.model.route import RouteState

GOOD_FOR = timedelta(minutes=15)  # so long a wish for a release by name wins over what is switched meanwhile
_DATED = timedelta(seconds=1)  # the API server dates in whole seconds
_STEP = timedelta(milliseconds=1)  # as times can be read back


def after(at: datetime | None, asked_at: datetime | None) -> bool:
    """Whether it surely came after somebody had asked; `asked_at` None: they ask just now."""
    return at is not None and asked_at is not None and at >= asked_at + _DATED


def overruled(route: RouteState, target: Release, asked_at: datetime | None) -> str | None:
    """Why a person's wish for this release holds no longer: somebody has decided otherwise since."""
    if asked_at is None:
        return None
    if (ordered := route.ordered_at) is not None and after(ordered, asked_at):
        why = f"somebody has ordered another move of the route, at {format_time(ordered)}"
    elif (mark := target.status.rejected) is not None and after(mark.at, asked_at):
        why = f"{target.id} was rolled back from by {mark.by} at {format_time(mark.at)}: {mark.reason}"
    else:
        return None
    return f"it was asked for at {format_time(asked_at)}, and since then {why}; if it is still wanted, ask again"


def late(route: RouteState, asked_at: datetime | None, now: datetime, *, good_for: timedelta = GOOD_FOR) -> str | None:
    """Why a wish is too old: the route has moved since, and that was not just now."""
    moved = route.switched_at
    if asked_at is None or moved is None or not after(moved, asked_at) or now < asked_at + good_for:
        return None
    return (
        f"it was asked for at {format_time(asked_at)}, and since then the route was switched to {route.current} at "
        f"{format_time(moved)}; if it is still wanted, ask again"
    )


def dated(now: datetime, releases: Sequence[Release], asked_at: datetime | None = None) -> datetime:
    """The time of what is decided now: after all that the API server has dated, however slow this machine's clock is.

    Else a rollback would come before the releases that it is to win over.
    """
    known = [asked_at, *(at for release in releases for at in (release.since, release.noted_at))]
    moment = max([now, *(at + _STEP for at in known if at is not None)])
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
