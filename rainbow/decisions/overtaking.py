"""Whether a release comes too late to be current without a person's word.

A newer one was quicker, it was current before and was replaced, or a person has rolled back from it or while it was
under way (design.md, rule 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rainbow.model.release import Mark, Phase, Release, format_time
from rainbow.model.route import RouteState


@dataclass(frozen=True)
class Overtaken:
    """Why. `for_good`: it never carried traffic, and nothing but a person will ever switch to it."""

    reasons: tuple[str, ...]
    for_good: bool = False


def overtaken(target: Release, route: RouteState, releases: Sequence[Release]) -> Overtaken | None:
    """None for a release that comes in time. `releases`: all of the app."""
    if (found := _rejected(target, route, releases)) is not None:
        return found
    if route.current is not None:
        current = next((r for r in releases if r.id == route.current), None)
        if current is None:
            why = f"the route points at {route.current}, of which no record can be read: which is newer is unknown"
            return Overtaken((why, _by_hand(target)))
    else:
        current = next((r for r in reversed(releases) if r.status.phase == Phase.CURRENT), None)
    if current is not None and current.id != target.id and current.since > target.since:
        why = f"release {target.id} is superseded: {current.id} is current and newer"
        return Overtaken((why,), for_good=route.current is not None and not _replaced(target, route))
    if _replaced(target, route):
        why = f"release {target.id} was current before and was replaced: only a person brings it back"
        return Overtaken((why, _by_hand(target)))
    if current is not None and current.id != target.id and current.since == target.since:
        # The API server writes whole seconds, and nothing else of a record says which came first.
        why = f"{target.id} and {current.id} (current) were created in the same second: which is newer is unknown"
        return Overtaken((why, _by_hand(target)))
    return None


def _rejected(target: Release, route: RouteState, releases: Sequence[Release]) -> Overtaken | None:
    """A rollback wins over the release that was rolled back from, and over whatever was under way then."""
    if (mark := target.status.rejected) is not None:
        why = f"release {target.id} was rolled back from by {mark.by} at {format_time(mark.at)}: {mark.reason}"
        return Overtaken((why, _by_hand(target)))
    marks = [(r.id, r.status.rejected) for r in releases if r.status.rejected is not None]
    newest: tuple[str, Mark] | None = max(marks, key=lambda pair: pair[1].at, default=None)
    if newest is None or target.since >= newest[1].at or _lived(target):
        return None
    id_, mark = newest
    why = f"{id_} was rolled back from by {mark.by} at {format_time(mark.at)}, after {target.id} had begun"
    why = f"release {target.id} is superseded: {why}"
    return Overtaken((why, _by_hand(target)), for_good=not _replaced(target, route))


def _replaced(target: Release, route: RouteState) -> bool:
    """Whether it was live and is no longer (rule 5): by the route, which knows first, or by its record.

    A rollback that was cut short has moved the route, and may have written no record. What the record of the target
    says then, that it is current, is from before. Marks of other switches under way count for nothing here.
    """
    status = target.status
    if route.current is None:
        return status.demoted_at is not None and status.phase != Phase.CURRENT
    again, moved = status.redeployed_at, route.switched_at
    before = again is not None and moved is not None and moved <= again  # that was its life before its deletion
    return _lived(target) or (route.previous == target.id and not before)


def _lived(target: Release) -> bool:
    status = target.status
    return status.phase == Phase.CURRENT or status.live_at is not None or status.demoted_at is not None


def _by_hand(target: Release) -> str:
    where = f"-n {target.namespace} {target.app} {target.id}"
    return f"to switch to it all the same: rainbow switch {where} --allow-older"
