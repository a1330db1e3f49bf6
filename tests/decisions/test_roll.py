"""Where an app that is rolled stands, and whether a roll may begin or has to be undone."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.roll import (
    Act,
    Part,
    decide_roll,
    decide_undo,
    standing,
)
from rainbow.model.release import Mark, Phase, Release, ReleaseSpec
from rainbow.model.route import RouteState
from tests.decisions.make import HOUR, NOW, app, release

MARK = Mark(reason="errors", by="ada", at=NOW)


def part(name: str, release: str, token: int = 1, *, settled: bool = True, previous: str | None = None) -> Part:
    """A live Deployment."""
    return Part(name, release, settled, previous, NOW + timedelta(seconds=token), token)


def test_an_app_is_at_a_release_when_all_deployments_agree_and_are_done() -> None:
    """Read, never remembered."""
    at = standing([part("api", "v1"), part("mail", "v1")])
    assert at is not None
    assert (at.release, at.settled) == ("v1", True)
    half = standing([part("api", "v1"), part("mail", "v1", settled=False)])
    assert half is not None
    assert (half.release, half.settled) == ("v1", False)
    assert standing([]) is None


def test_where_they_differ_the_last_roll_is_where_it_is_going() -> None:
    """By the token of its lock, in whichever order they are listed."""
    parts = [part("api", "v2", 7, previous="v1"), part("mail", "v1", 3), part("web", "v1", 3)]
    for listed in permutations(parts):
        at = standing(listed)
        assert at is not None
        assert (at.release, at.settled, at.last.previous) == ("v2", False, "v1")
        assert at.releases == {"v1", "v2"}


# --- what follows -------------------------------------------------------------------------------------------


def one(name: str, *, ago: timedelta, rolled: bool = True, **status: Any) -> Release:
    """A release that is rolled, unless told otherwise."""
    made = release(name, created=NOW - ago, **({"live_at": None, "demoted_at": None} | status))
    spec = ReleaseSpec(release=name, app=app(**({"strategy": "rolling"} if rolled else {})), manifests="")
    return made.model_copy(update={"spec": spec})


V1 = one("v1", ago=9 * HOUR, phase=Phase.CURRENT, live_at=NOW - 8 * HOUR)
V2 = one("v2", ago=HOUR, phase=Phase.PENDING)
V3 = one("v3", ago=timedelta(minutes=1), phase=Phase.PENDING)
OWN = one("v1", ago=9 * HOUR, rolled=False, phase=Phase.CURRENT, live_at=NOW - 8 * HOUR)


def on(name: str, **more: Any) -> RouteState:
    """The route, by where the app is."""
    return RouteState(True, name, "7", frozenset({"web"}), **more)


def test_a_newer_release_is_rolled_over_the_one_before() -> None:
    """Which is the one to go back to."""
    decision = decide_roll(V2, standing([part("api", "v1")]), on("v1"), [V1, V2])
    assert (decision.act, decision.before) == (Act.ROLL, "v1")


def test_one_that_came_to_nothing_is_nobody_to_go_back_to() -> None:
    """v2 was rolled by half, and its workflow ended there: v3 goes back to v1."""
    at = standing([part("api", "v2", 7, previous="v1"), part("mail", "v1", 3)])
    decision = decide_roll(V3, at, on("v2", settled=False), [V1, V2, V3])
    assert (decision.act, decision.before) == (Act.ROLL, "v1")


@pytest.mark.parametrize(
    ("target", "route", "releases", "hold", "why"),
    [
        (V2, on("v3"), [V1, V2, one("v3", ago=timedelta(), live_at=NOW)], None, "v2 is superseded"),
        (V1, on("v2", previous="v1"), [V1, one("v2", ago=HOUR, live_at=NOW)], None, "v1 is superseded"),
        (one("v2", ago=HOUR, rejected=MARK), on("v1"), [V1, V2], None, "was rolled back from by ada"),
        (V2, on("v1"), [OWN, V2], None, "has objects of its own"),
        (V2, on("v1"), [V1, V2], "app spawn is held", "app spawn is held"),
    ],
)
def test_users_get_it_at_once_so_every_rule_of_a_switch_holds(
    target: Release, route: RouteState, releases: list[Release], hold: str | None, why: str
) -> None:
    """Retry on an old workflow would otherwise roll users back."""
    decision = decide_roll(target, standing([part("api", str(route.current))]), route, releases, hold)
    assert decision.act is Act.REFUSE
    assert why in decision.reason


def test_run_again_there_is_nothing_left_to_roll() -> None:
    """The one to go back to stays the same."""
    at = standing([part("api", "v2", 7, previous="v1")])
    decision = decide_roll(V2, at, on("v2"), [V1, V2], "held")
    assert (decision.act, decision.before) == (Act.NOTHING, "v1")


@pytest.mark.parametrize(
    ("parts", "target", "act"),
    [
        ([part("api", "v2", 7, previous="v1")], V2, Act.UNDO),
        ([part("api", "v2", 7, previous="v1"), part("mail", "v1", 3)], V2, Act.UNDO),
        ([part("api", "v1", 8), part("mail", "v2", 7, previous="v1")], V2, Act.UNDO),  # an undo that was killed
        ([part("api", "v1", 8)], V2, Act.NOTHING),  # undone
        ([part("api", "v3", 9, previous="v1"), part("mail", "v2", 7)], V2, Act.NOTHING),  # the next one is under way
        ([part("api", "v2", 7)], V2, Act.NOTHING),  # the first of all
        ([part("api", "v2", 7, previous="v1")], one("v2", ago=HOUR, live_at=NOW), Act.NOTHING),  # it is current
        ([], V2, Act.NOTHING),
    ],
)
def test_a_release_is_undone_only_while_the_app_is_at_it_and_it_never_became_current(
    parts: list[Part], target: Release, act: Act
) -> None:
    """Whoever rolled later knows better, and leaving a current one is a rollback."""
    decision = decide_undo(target, standing(parts), [V1, target, V3])
    assert (decision.act, decision.before) == (act, "v1" if act is Act.UNDO else None)


@given(
    st.lists(
        st.tuples(st.sampled_from(["v1", "v2", "v3"]), st.integers(1, 9), st.sampled_from([None, "v1", "v2", "v3"])),
        max_size=4,
    ),
    st.booleans(),
)
def test_nobody_ever_goes_back_to_the_release_that_failed_or_to_one_that_never_lived(
    found: list[tuple[str, int, str | None]], settled: bool
) -> None:
    """Whatever is live: to be undone, a release has another one before it, which users had."""
    parts = [part(f"d{n}", r, token, settled=settled, previous=p) for n, (r, token, p) in enumerate(found)]
    for target in (V2, V3):
        decision = decide_undo(target, standing(parts), [V1, V2, V3])
        if decision.act is Act.UNDO:
            assert decision.before == "v1"
