"""Whether a release may follow the current one without its clients noticing: it passes that one's tests too (C5).

A promise is what the tests of the current release ask; they are run against the new one before its switch. Unless the
new one says that it breaks with the past on purpose, `switch` wants to see that this was done with the very release
that is current then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rainbow.model.release import Compatibility, Phase, Promise, Release, ReleaseStatus
from rainbow.model.route import RouteState

STANDS = (Promise.KEPT, Promise.WAIVED)


class Act(StrEnum):
    """What to do about the promises of the current release."""

    CHECK = "check"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True)
class CompatibilityDecision:
    """What to do and why. `found` is what the record is to say when there is nothing to check; None: it says it."""

    act: Act
    reason: str
    current: Release | None = None
    found: Compatibility | None = None


def decide_compatibility(release: Release, route: RouteState, releases: Sequence[Release]) -> CompatibilityDecision:
    """The decision for a release that is deployed. `releases`: all of the app."""
    # One that is rolled is there already, over the release whose clients are to be asked about.
    there = route.previous if release.rolled and route.current == release.id else route.current
    current = next((r for r in releases if r.id == there), None)
    if current is None:
        if there is not None:
            why = f"release {there} is current, and no record of it can be read: what it promises is unknown"
            return CompatibilityDecision(Act.REFUSE, why)
        return _nothing(release, None, Promise.KEPT, "no release is current, so nobody has been promised anything")
    if (free := _free(release, current)) is not None:
        return _nothing(release, current, Promise.KEPT, free)
    if release.spec.app.breaks is not None:
        why = f"it breaks with {current.id} on purpose: {release.spec.app.breaks}"
        return _nothing(release, current, Promise.WAIVED, why)
    known = release.status.compatibility
    if known is not None and known.release == current.id and known.promise is Promise.KEPT:
        return CompatibilityDecision(Act.NOTHING, known.reason, current)
    return CompatibilityDecision(Act.CHECK, f"the tests of {current.id} are run against {release.id}", current)


def unproven(release: Release, current: Release | None) -> str | None:
    """Why users of `current` cannot be led to the release yet; None when they can."""
    if current is None or release.spec.app.breaks is not None or _free(release, current) is not None:
        return None
    known = release.status.compatibility
    if known is not None and known.release == current.id and known.promise in STANDS:
        return None
    if known is not None and known.release == current.id:
        return known.reason
    by_hand = (
        f"rainbow step check-compatibility --namespace {release.namespace} --app {release.app} --release {release.id}"
    )
    other = f", but that of {known.release}" if known is not None and known.release else ""
    return f"release {release.id} was not held against the tests of {current.id}, which is current{other}: {by_hand}"


def _free(release: Release, current: Release) -> str | None:
    """Why there is no promise to be kept."""
    if current.id == release.id:
        return f"release {release.id} is current itself"
    if (tests := current.spec.app.tests) is None:
        return f"release {current.id}, which is current, has no tests"
    if release.created < current.created:
        return f"release {release.id} is older than {current.id}, which is current: to go back is a person's word"
    known = {*current.spec.images, *current.status.images}
    if tests.image in current.spec.app.images and tests.image not in known:
        return f"release {current.id} is current and came without an image of its tests, as one that was adopted may"
    return None


def _nothing(release: Release, current: Release | None, promise: Promise, why: str) -> CompatibilityDecision:
    found = Compatibility(release=current.id if current else None, promise=promise, reason=why)
    return CompatibilityDecision(Act.NOTHING, why, current, None if found == release.status.compatibility else found)


# --- the record ---------------------------------------------------------------------------------------------
# The release's own tests run at the same time, and either may fail it: each takes back no more than its own failure.


def begun(status: ReleaseStatus) -> dict[str, Any]:
    """What to write before it is checked: an earlier failure of the check counts no more."""
    if status.compatibility is None or status.compatibility.promise in STANDS:
        return {}
    return {"compatibility": None} | ({"phase": Phase.TESTING} if status.phase is Phase.FAILED else {})


def found(status: ReleaseStatus, compatibility: Compatibility) -> dict[str, Any]:
    """What to write of its end. A release that failed by nothing but an earlier check is Ready with its own tests."""
    changes: dict[str, Any] = {"compatibility": compatibility}
    if compatibility.promise in STANDS and status.phase is Phase.TESTING and _tested(status):
        changes |= {"phase": Phase.READY, "failed_at": None, "message": None}
    return changes


def stands_in_the_way(status: ReleaseStatus) -> bool:
    """Whether the check failed: passing its own tests makes the release no less Failed then."""
    return status.compatibility is not None and status.compatibility.promise not in STANDS


def _tested(status: ReleaseStatus) -> bool:
    tested, deployed = status.tested_at, status.deployed_at
    return tested is not None and (deployed is None or tested >= deployed)
