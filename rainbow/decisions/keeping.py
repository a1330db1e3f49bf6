"""What retention keeps of the releases of one app, whatever their work: those that somebody may want to go back to.

That are the newest `keep` that were current before (B7), the one to go back to while the current one bakes (B4), and
the idle one of blue/green (F1). And how many records stay as history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from rainbow.decisions.bake import counts_from
from rainbow.decisions.sealing import committed
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from rainbow.model.staying import Strategy

BAKE_MARGIN = timedelta(minutes=30)  # for a bake that was retried; later than that nobody watches any more
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def kept_back(releases: Sequence[Release], current: str | None, previous: str | None, now: datetime) -> dict[str, str]:
    """Release id → why it is kept to be gone back to.

    `releases` have the policy in force; `current` and `previous` are what the route says. A release that was rejected
    is nothing to go back to, and takes nobody's place. Nor does one without `live_at`: its switch was broken off before
    the notes, and may have led users to it or not, so it is kept besides.
    """
    eligible = sorted((r for r in releases if _eligible(r, current)), key=_last_current, reverse=True)
    config = _in_force(releases, current)
    if config is None:
        return {}
    if config.strategy is Strategy.BLUE_GREEN:
        why = "the idle one of blue/green: kept until the next release is deployed"
        kept = {r.id: why for r in _newest(eligible, 1)}
    else:
        keep = config.retention.keep
        why = f"kept to be rolled back to: among the newest {keep} (retention.keep)"
        kept = {r.id: why for r in _newest(eligible, keep)}
    baking = next((r for r in releases if r.id == current and _bakes(r, now)), None)
    if baking is not None:
        back = [r for r in eligible if r.id == previous] + _newest(eligible, 1)
        kept |= {r.id: f"kept while {baking.id} bakes: a breach switches back to it" for r in back}
    return kept


def beyond_history(releases: Sequence[Release], objects: Mapping[str, int], current: str | None) -> list[Release]:
    """The records of deleted releases that are too many (retention.history), oldest first; the newest stay.

    `objects`: how many are left of each release. A record goes after its objects, never before, and not when held.
    """
    config = _in_force(releases, current)
    gone = [r for r in releases if committed(r.status)]
    gone.sort(key=lambda r: (r.status.deleted_at or _BEGINNING, r.since, r.id))
    surplus = gone[: max(0, len(gone) - config.retention.history)] if config else []
    return [r for r in surplus if not objects.get(r.id) and r.status.hold is None and r.id != current]


def _eligible(release: Release, current: str | None) -> bool:
    status = release.status
    lived = status.live_at is not None or status.demoted_at is not None
    return lived and release.id != current and not committed(status) and status.rejected is None


def _newest(eligible: Sequence[Release], number: int) -> list[Release]:
    """The first ones that carried users for sure, and those among the first of all that may have."""
    sure = [release for release in eligible if release.status.live_at is not None]
    return [release for release in eligible if release in sure[:number] or release in eligible[:number]]


def _last_current(release: Release) -> tuple[datetime, datetime, str]:
    """Newest is who stopped being current last: after a rollback that may be an old release.

    One at a time is current, so who came last went last. When it came, the route says; when it went is noted later,
    after a kill or a pause much later, and by then another one may have come and gone.
    """
    return release.status.live_at or release.status.demoted_at or _BEGINNING, release.since, release.id


def ruling(releases: Sequence[Release], current: str | None) -> Release | None:
    """Whose rainbow.yaml says how many are kept: the current release, or the newest one when none is."""
    return next((r for r in releases if r.id == current), None) or max(releases, key=_since, default=None)


def _in_force(releases: Sequence[Release], current: str | None) -> AppConfig | None:
    found = ruling(releases, current)
    return None if found is None else found.spec.app


def _since(release: Release) -> tuple[datetime, str]:
    return release.since, release.id


def _bakes(release: Release, now: datetime) -> bool:
    bake, status = release.spec.app.bake, release.status
    # Not known since when: the switch to it has yet to write that.
    if bake is None or not bake.duration or status.live_at is None:
        return bake is not None and bool(bake.duration)
    if status.baked_at is not None and status.baked_at >= status.live_at:  # not before it came back
        return False
    return now < counts_from(release, status.live_at) + 2 * bake.duration + BAKE_MARGIN


def making_way(release: Release) -> Release:
    """The release as it is judged when the next one of blue/green needs its place: no age keeps it any more.

    Whatever protects work still does: the route, a hold, a bake, and tasks.
    """
    app = release.spec.app
    now = {"minimum_age": timedelta(), "failed_age": timedelta(), "keep": 0}
    changed = {"retention": app.retention.model_copy(update=now), "strategy": Strategy.RAINBOW}
    return release.model_copy(update={"spec": release.spec.model_copy(update={"app": app.model_copy(update=changed)})})
