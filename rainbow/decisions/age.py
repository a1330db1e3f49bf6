"""How long a release has been draining, against what retention says: too young to go (S9), or overdue (B7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rainbow.decisions.switch import SWITCHING
from rainbow.model.durations import format_duration
from rainbow.model.release import Release, ReleaseStatus
from rainbow.model.staying import OverdueAct

TOO_YOUNG = "younger than the minimum age"  # for the record: the time left would change at every look


def draining_since(status: ReleaseStatus) -> datetime | None:
    """None when that is not known: a demotion from before it was last live is none."""
    if status.demoted_at is None or status.traffic == SWITCHING:
        return None
    return None if status.live_at is not None and status.demoted_at < status.live_at else status.demoted_at


def too_young(release: Release, now: datetime) -> str | None:
    """Why it is kept whatever its work, so that nobody has to be asked about that; None for one that is old enough."""
    age, since = release.spec.app.retention.minimum_age, draining_since(release.status)
    if since is None or now >= since + age:
        return None
    left = format_duration(since + age - now + timedelta(seconds=0.999))
    return f"younger than {format_duration(age)} since its demotion: {left} left"


def overdue(release: Release, now: datetime) -> str | None:
    """How it is called when it drains for longer than it should; None for one that does not."""
    longest, since = release.spec.app.retention.maximum_drain_age, draining_since(release.status)
    if longest is None or since is None or now < since + longest:
        return None
    return f"overdue, drains for more than {format_duration(longest)}"


def noted_overdue(release: Release) -> dict[str, Any]:
    """What to note of when it will be overdue, for who watches the records; empty when that stands there already.

    By the policy in force on `release`. Nothing while a switch to it is under way: who looks next notes it.
    """
    if release.status.traffic == SWITCHING:
        return {}
    longest, since = release.spec.app.retention.maximum_drain_age, draining_since(release.status)
    at = None if longest is None or since is None else since + longest
    return {} if release.status.overdue_at == at else {"overdue_at": at}


def given_up(release: Release) -> bool:
    """Whether it was deleted with the work that it had left, as retention says of what is overdue."""
    status = release.status
    # What was seen without work got what it has left later: nobody has decided about that.
    if status.deleted_at is None or status.drained_at is not None:
        return False
    late = overdue(release, status.deleted_at) is not None
    return late and release.spec.app.retention.overdue is OverdueAct.DELETE
