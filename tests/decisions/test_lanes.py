"""The lane of a release says what its record tells, and never more."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.lanes import Stage, Switch, alive, lanes, switches
from rainbow.model import app as config
from rainbow.model.release import Phase, Release
from tests.decisions.make import HOUR, NOW, release

MINUTE = timedelta(minutes=1)
TIMES = ("deployed_at", "tested_at", "live_at", "demoted_at", "drained_at", "failed_at", "deleted_at", "baked_at")


def ago(minutes: float | None) -> datetime | None:
    """So many minutes before now."""
    return None if minutes is None else NOW - minutes * MINUTE


def of(
    name: str = "v1", phase: Phase = Phase.CURRENT, *, created: float = 60, tests: bool = True, **times: Any
) -> Release:
    """A release whose times are given in minutes before now; all others are not noted."""
    given = dict.fromkeys(TIMES) | {key: ago(value) for key, value in times.items()}
    found = release(name, created=NOW - created * MINUTE, phase=phase, **given)
    if not tests:
        return found
    app = found.spec.app.model_copy(update={"tests": config.Tests(image="tests", service="web")})
    return found.model_copy(update={"spec": found.spec.model_copy(update={"app": app})})


def shown(one: Release, *others: Release) -> list[tuple[str, float, float, bool]]:
    """Its segments: the stage, from and to in minutes before now, and whether it lasts."""
    found = [segment for segment in lanes([*others, one], NOW) if segment.release == one.id]
    return [(s.stage, (NOW - s.begin) / MINUTE, (NOW - s.end) / MINUTE, s.lasts) for s in found]


LANES: dict[str, tuple[Release, list[tuple[str, float, float, bool]]]] = {
    "just submitted": (of(phase=Phase.PENDING), [("Pending", 60, 0, True)]),
    "its tests are run": (
        of(phase=Phase.TESTING, deployed_at=50),
        [("Pending", 60, 50, False), ("Testing", 50, 0, True)],
    ),
    "without tests it is ready once it is deployed": (
        of(phase=Phase.READY, tests=False, deployed_at=50),
        [("Pending", 60, 50, False), ("Ready", 50, 0, True)],
    ),
    "waiting for approval, then live": (
        of(deployed_at=50, tested_at=40, live_at=30),
        [("Pending", 60, 50, False), ("Testing", 50, 40, False), ("Ready", 40, 30, False), ("Current", 30, 0, True)],
    ),
    "its tests failed": (
        of(phase=Phase.FAILED, deployed_at=50, failed_at=40),
        [("Pending", 60, 50, False), ("Testing", 50, 40, False), ("Failed", 40, 0, True)],
    ),
    "deleted": (
        of(phase=Phase.DELETED, tests=False, deployed_at=60, live_at=50, demoted_at=40, drained_at=30, deleted_at=20),
        [("Ready", 60, 50, False), ("Current", 50, 40, False), ("Draining", 40, 30, False), ("Drained", 30, 20, False)],
    ),
    "its deletion is announced, but nothing is gone yet": (
        of(phase=Phase.DELETED, tests=False, deployed_at=60, live_at=50, demoted_at=40, drained_at=30),
        [("Ready", 60, 50, False), ("Current", 50, 40, False), ("Draining", 40, 30, False), ("Drained", 30, 0, True)],
    ),
    "a demotion from before it was last live is none": (
        of(tests=False, deployed_at=60, live_at=20, demoted_at=40, drained_at=35),
        [("Ready", 60, 20, False), ("Current", 20, 0, True)],
    ),
    "it baked before it went live: what was between is not on record": (
        of(tests=False, deployed_at=60, live_at=20, baked_at=40),
        [("Not recorded", 60, 20, False), ("Current", 20, 0, True)],
    ),
    "not current any more, since nobody knows when": (
        of(phase=Phase.DRAINING, tests=False, deployed_at=60, live_at=50),
        [("Ready", 60, 50, False), ("Not recorded", 50, 0, True)],
    ),
    "drained before it was demoted is not drained": (
        of(phase=Phase.DRAINING, tests=False, deployed_at=60, live_at=50, demoted_at=30, drained_at=40),
        [("Ready", 60, 50, False), ("Current", 50, 30, False), ("Draining", 30, 0, True)],
    ),
}


@pytest.mark.parametrize("name", LANES)
def test_the_lane_of_a_release(name: str) -> None:
    """Each stage from when to when, in minutes before now."""
    one, expected = LANES[name]
    assert shown(one) == expected


def test_who_was_passed_by_may_have_been_live_before() -> None:
    """After a rollback the record of the earlier release has only its return: the rest is called not recorded."""
    back = of("v1", tests=False, deployed_at=55, live_at=10)
    left = of("v2", Phase.DRAINING, created=40, tests=False, deployed_at=35, live_at=30, demoted_at=10)
    assert shown(back, left) == [
        ("Pending", 60, 55, False),
        ("Not recorded", 55, 10, False),
        ("Current", 10, 0, True),
    ]
    assert [stage for stage, *_ in shown(left, back)] == ["Pending", "Ready", "Current", "Draining"]


def test_a_redeployed_release_begins_anew() -> None:
    """What it was before its deletion is another life."""
    one = of(tests=False, created=600, deployed_at=50, live_at=40)
    again = one.model_copy(update={"status": one.status.model_copy(update={"redeployed_at": ago(55)})})
    assert shown(again) == [("Pending", 55, 50, False), ("Ready", 50, 40, False), ("Current", 40, 0, True)]


def test_switches_are_told_in_their_order() -> None:
    """Whoever never was live has none."""
    releases = [of("v1", live_at=10), of("v2", Phase.FAILED, failed_at=5), of("v3", live_at=20)]
    assert switches(releases) == (Switch("v3", NOW - 20 * MINUTE), Switch("v1", NOW - 10 * MINUTE))


def test_what_was_deleted_before_is_not_shown() -> None:
    """A deletion that was only announced is none."""
    assert not alive(of(phase=Phase.DELETED, deleted_at=30), NOW - 20 * MINUTE)
    assert alive(of(phase=Phase.DELETED, deleted_at=10), NOW - 20 * MINUTE)
    assert alive(of(phase=Phase.DELETED), NOW)
    assert alive(of(phase=Phase.DRAINED), NOW - HOUR)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Phase)), st.fixed_dictionaries({key: st.none() | st.integers(-5, 90) for key in TIMES})
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_lane_has_neither_holes_nor_overlaps(drawn: list[tuple[Phase, dict[str, int | None]]]) -> None:
    """Whatever the times are, in whatever order: from its beginning to its end, one stage after the other."""
    releases = [of(f"v{number}", phase, **times) for number, (phase, times) in enumerate(drawn)]
    found = lanes(releases, NOW)
    for one in releases:
        mine = [segment for segment in found if segment.release == one.id]
        assert all(before.end == after.begin for before, after in pairwise(mine))
        assert all(one.since <= segment.begin <= segment.end for segment in mine)
        assert not any(segment.lasts for segment in mine[:-1])
        gone = one.status.deleted_at if one.status.phase is Phase.DELETED else None
        assert all(segment.end <= (gone or NOW) for segment in mine)
        if gone is None:
            assert mine
            assert mine[0].begin == one.since
            assert mine[-1].lasts
            assert mine[-1].end == NOW
        if one.status.live_at is None:
            assert Stage.CURRENT not in {segment.stage for segment in mine}
