"""Whether a release that has just become current may stay (B4)."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.bake import (
    Act,
    Found,
    Look,
    Observation,
    Reading,
    Standing,
    Watched,
    counts_from,
    decide_bake,
    judge,
    one_number,
    standing,
)
from rainbow.model.baking import Bake
from rainbow.model.release import Mark, Phase
from rainbow.model.route import RouteState
from tests.decisions.make import NOW, SECOND, app, release

ERRORS = {"name": "errors", "query": 'errors{release="$release"}', "limit": 0.05}
SLOWNESS = {"name": "seconds", "query": 'seconds{release="$release"}', "ratio": 2}
DESCRIBED = {
    "duration": "60s",
    "interval": "5s",
    "traffic": 'requests{release="$release"}',
    "watch": [ERRORS, SLOWNESS],
}
BAKE = Bake.model_validate(DESCRIBED)
NOBODY = Reading(None, "no series")
WELL = (Watched(Reading(0.01)), Watched(Reading(0.3), Reading(0.2)))


def look(*watched: Watched, traffic: Reading | None = None) -> Look:
    """What these readings are worth, with users unless told otherwise."""
    return judge(BAKE, Observation(traffic or Reading(7.0), watched))


LOOKS = {
    "all below": (look(*WELL), Found.GOOD, "errors 0.01; seconds 0.3"),
    "exactly the limit": (look(Watched(Reading(0.05)), WELL[1]), Found.GOOD, "errors 0.05"),
    "above the limit": (look(Watched(Reading(0.5)), WELL[1]), Found.BREACH, "errors 0.5, above the limit of 0.05"),
    "exactly twice": (look(WELL[0], Watched(Reading(0.4), Reading(0.2))), Found.GOOD, "seconds 0.4"),
    "more than twice": (look(WELL[0], Watched(Reading(0.5), Reading(0.2))), Found.BREACH, "more than 2 times the 0.2"),
    "no release before to compare with": (look(WELL[0], Watched(Reading(9.0))), Found.GOOD, "seconds 9"),
    "the one before is unknown": (
        look(WELL[0], Watched(Reading(0.1), NOBODY)),
        Found.UNKNOWN,
        "seconds of the release",
    ),
    "requests below zero": (look(*WELL, traffic=Reading(-1.0)), Found.UNKNOWN, "no number of requests"),
    "no traffic, whatever the rest says": (look(traffic=Reading(0.0)), Found.NO_TRAFFIC, "no traffic"),
    "traffic unknown": (look(traffic=NOBODY), Found.UNKNOWN, "traffic: no series"),
    "one unknown": (look(WELL[0], Watched(NOBODY)), Found.UNKNOWN, "seconds: no series"),
    "a breach beside an unknown": (look(Watched(Reading(1.0)), Watched(NOBODY)), Found.BREACH, "errors 1"),
}


@pytest.mark.parametrize("case", LOOKS)
def test_a_look_is(case: str) -> None:
    """Each kind of look, with its reason."""
    found, kind, why = LOOKS[case]
    assert found.found is kind
    assert why in found.why


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [math.nan], [math.inf], [-math.inf]])
def test_anything_but_one_number_is_unknown(values: list[float]) -> None:
    """No series, several, NaN, infinite (B1)."""
    assert one_number(values).value is None
    assert one_number(values).why


G, B, N, U = (Look(found, found.value) for found in (Found.GOOD, Found.BREACH, Found.NO_TRAFFIC, Found.UNKNOWN))
DECISIONS = {
    "nobody has looked": ([], 0, Act.WAIT),
    "good so far": ([G, G, G], 59, Act.WAIT),
    "good to the end": ([G, G], 60, Act.END),
    "without traffic to the end": ([N, N], 60, Act.END),
    "good and without traffic": ([U, G, N], 60, Act.END),
    "one look at the end is too few": ([G], 60, Act.WAIT),
    "one look after a restart long after the end": ([G], 500, Act.WAIT),
    "one breach": ([G, B], 10, Act.WAIT),
    "two breaches in a row": ([G, B, B], 10, Act.SWITCH_BACK),
    "two in a row after the end": ([B, B], 500, Act.SWITCH_BACK),
    "two breaches, not in a row": ([B, G, B], 10, Act.WAIT),
    "an unknown look between two breaches starts the row again": ([B, U, B], 10, Act.WAIT),
    "unknown at the end goes on": ([G, G, U], 60, Act.WAIT),
    "one good look after an unknown one is too few": ([U, G], 70, Act.WAIT),
    "known again": ([U, G, G], 70, Act.END),
    "unknown at twice the time": ([U, U], 120, Act.GIVE_UP),
    "up and down at twice the time": ([G, B], 120, Act.GIVE_UP),
    "unknown at once after a late restart is looked at again": ([U], 500, Act.WAIT),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_decided(case: str) -> None:
    """What follows from the looks so many seconds after the switch."""
    looks, seconds, act = DECISIONS[case]
    assert decide_bake(looks, BAKE, NOW, NOW + seconds * SECOND).act is act


numbers = st.one_of(st.floats(), st.sampled_from([0.0, 0.01, 1.0]))
readings = st.lists(numbers, max_size=2).map(one_number)
watched = st.builds(Watched, readings, st.none() | readings)
observations = st.builds(Observation, readings, st.tuples(watched, watched))
bakes = st.builds(
    lambda breaches: Bake.model_validate({**DESCRIBED, "breaches": breaches}), st.integers(min_value=1, max_value=4)
)
ages = st.timedeltas(min_value=timedelta(), max_value=timedelta(minutes=5))


@given(seen=st.lists(observations, max_size=8), bake=bakes, age=ages)
def test_only_known_numbers_of_used_releases_switch_back(seen: list[Observation], bake: Bake, age: timedelta) -> None:
    """Whatever the metrics say: back only after breaches in a row, each a number above another, with traffic known."""
    act = decide_bake([judge(bake, s) for s in seen], bake, NOW, NOW + age).act
    last = seen[-bake.breaches :]
    clear = len(last) == bake.breaches and all(
        s.traffic.value is not None and s.traffic.value > 0 and any(w.value.value is not None for w in s.watched)
        for s in last
    )
    assert clear or act is not Act.SWITCH_BACK
    errors = [s.watched[0].value.value for s in last]
    if clear and all(e is not None and e > 0.05 for e in errors):
        assert act is Act.SWITCH_BACK


@given(looks=st.lists(st.sampled_from([G, B, N, U]), max_size=9), bake=bakes, age=ages)
def test_it_ends_well_only_by_what_is_known_at_the_end(looks: list[Look], bake: Bake, age: timedelta) -> None:
    """Never early, never on unknown; and in the end it always ends."""
    act = decide_bake(looks, bake, NOW, NOW + age).act
    last = looks[-bake.breaches :]
    if act is Act.END:
        assert age >= bake.duration
        assert len(last) == bake.breaches
        assert not {look.found for look in last} & {Found.UNKNOWN, Found.BREACH}
    if len(last) == bake.breaches and age >= 2 * bake.duration:
        assert act is not Act.WAIT


LIVE_AT = NOW - 10 * SECOND
BY_BAKE = Mark(reason="errors", by="bake", at=NOW)
STANDINGS = {
    "current, and to be watched": ("v2", {}, DESCRIBED, Standing.OPEN),
    "nothing to watch": ("v2", {}, None, Standing.NONE),
    "no time to watch": ("v2", {}, {**DESCRIBED, "duration": "0s"}, Standing.NONE),
    "baked": ("v2", {"baked_at": NOW}, DESCRIBED, Standing.BAKED),
    "baked when it was current before": ("v2", {"baked_at": NOW - 60 * SECOND}, DESCRIBED, Standing.OPEN),
    "a newer release is current": ("v3", {}, DESCRIBED, Standing.LEFT),
    "a person went back": ("v1", {"rejected": BY_BAKE.model_copy(update={"by": "ann"})}, DESCRIBED, Standing.LEFT),
    "switched back": ("v1", {"rejected": BY_BAKE}, DESCRIBED, Standing.SWITCHED_BACK),
    "switching back, broken off": ("v2", {"rejected": BY_BAKE}, DESCRIBED, Standing.SWITCHING_BACK),
    "a person wanted it after all": (
        "v2",
        {"rejected": BY_BAKE.model_copy(update={"at": NOW - 60 * SECOND})},
        DESCRIBED,
        Standing.OPEN,
    ),
    "no route": (None, {}, DESCRIBED, Standing.LEFT),
}


@pytest.mark.parametrize("case", STANDINGS)
def test_where_it_stands(case: str) -> None:
    """What a run finds when it begins, whatever earlier ones did."""
    current, status, bake, expected = STANDINGS[case]
    made = release("v2", phase=Phase.CURRENT, **status)
    spec = made.spec.model_copy(update={"app": app(bake=bake)})
    route = RouteState(exists=True, current=current, resource_version="1", services=frozenset())
    assert standing(made.model_copy(update={"spec": spec}), route, LIVE_AT) is expected


ROLLING = {"strategy": "rolling"}


@pytest.mark.parametrize(
    ("case", "config", "deployed", "counts"),
    [
        ("switched to: deployed and tested long before", {}, -600, 0),
        ("rolled: from the end of the roll", ROLLING, 90, 90),
        ("rolled to again, as by a rollback", ROLLING, -600, 0),
        ("rolled, and that was not noted", ROLLING, None, 0),
    ],
)
def test_a_bake_counts_from_when_all_users_were_there(
    case: str, config: dict[str, Any], deployed: int | None, counts: int
) -> None:
    """While it is rolled out many are with the release before, and most of a short bake would go by."""
    at = None if deployed is None else NOW + deployed * SECOND
    found = counts_from(release("v2", deployed_at=at, **config), NOW)
    assert found == NOW + counts * SECOND, case
