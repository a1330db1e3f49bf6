"""How far a draining release may shrink: whatever may be busy stays (B8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.bus import BusWork
from rainbow.decisions.evidence import Scrape
from rainbow.decisions.shrink import (
    BUSY_COST,
    IDLE_COST,
    Crew,
    Glimpse,
    Quiet,
    Worker,
    added,
    decide_shrink,
    glimpsed,
    idle_scrapes,
    kept_whole,
    quiet,
)
from rainbow.model.release import Mark, Phase, ReleaseStatus
from tests.decisions.make import NOW, SECOND

IDLE = Worker("a", ready=True, cost=IDLE_COST, tasks=0, idle_scrapes=2)
BUSY = Worker("b", ready=True, cost=BUSY_COST, tasks=3, idle_scrapes=0)
UNKNOWN = Worker("c", ready=True, cost=BUSY_COST, tasks=None, idle_scrapes=0)
CREW = Crew("worker", 3, (IDLE, replace(IDLE, name="a2"), BUSY))
MAX_AGE = 60 * SECOND


def test_idle_pods_go_when_they_are_marked_to_go_first() -> None:
    """As many as are idle, and no more."""
    decision = decide_shrink(CREW, 1, None)
    assert (decision.replicas, dict(decision.costs)) == (1, {})
    assert decision.reason == "1 of 3 pods are busy: 2 idle may go"


def test_the_marks_come_first_and_the_number_at_a_later_look() -> None:
    """The ReplicaSet chooses by what it has seen: the costs have to be there before."""
    unmarked = replace(CREW, workers=tuple(replace(worker, cost=0) for worker in CREW.workers))
    decision = decide_shrink(unmarked, 1, None)
    assert decision.replicas is None
    assert decision.costs == {"a": IDLE_COST, "a2": IDLE_COST, "b": BUSY_COST}


def test_the_minimum_stays() -> None:
    """Idle or not; one of them in any case, since without a pod nobody tells that the release has no work."""
    idle = replace(CREW, workers=tuple(replace(IDLE, name=name) for name in "abc"))
    assert [decide_shrink(idle, minimum, None).replicas for minimum in (0, 1, 2, 3, 4)] == [1, 1, 2, None, None]


ALL_STAY: dict[str, tuple[Crew, BusWork | None, str]] = {
    "every pod is busy": (replace(CREW, replicas=2, workers=(BUSY, UNKNOWN)), None, "2 of 2 pods are busy"),
    "an autoscaler scales it": (replace(CREW, autoscaler="hpa"), None, "HorizontalPodAutoscaler hpa scales it"),
    "a rollout is under way": (replace(CREW, unsteady="a rollout is under way"), None, "a rollout"),
    "a pod is missing": (replace(CREW, replicas=4), None, "3 of 4 pods are there"),
    "one pod too many": (replace(CREW, replicas=2), None, "3 of 2 pods are there"),
    "the busy pod is not ready": (
        replace(CREW, workers=(IDLE, replace(IDLE, name="a2"), replace(BUSY, ready=False))),
        None,
        "pod b is not ready",
    ),
    "work waits on the bus": (CREW, BusWork(pending=1), "tasks wait on the bus: 1"),
    "the bus does not answer": (CREW, BusWork(problem="the bus is away"), "the bus is away"),
}


@pytest.mark.parametrize("case", ALL_STAY)
def test_all_stay_when(case: str) -> None:
    """And it is said why."""
    crew, bus, why = ALL_STAY[case]
    decision = decide_shrink(crew, 0, bus)
    assert decision.replicas is None
    assert not decision.costs
    assert why in decision.reason


def test_work_that_pods_have_does_not_keep_the_idle_ones() -> None:
    """Unacknowledged is what busy pods do; only what waits may be given to any of them."""
    assert decide_shrink(CREW, 1, BusWork(unacknowledged=3, delivered=9)).replicas == 1


def test_a_pod_that_is_at_work_again_loses_its_mark_in_any_case() -> None:
    """Or somebody who lowers the number by hand would end it."""
    crew = replace(CREW, workers=(replace(BUSY, cost=IDLE_COST), BUSY, UNKNOWN))
    assert decide_shrink(crew, 1, BusWork(pending=1)).costs == {"b": BUSY_COST}


@pytest.mark.parametrize("seen", [replace(UNKNOWN, cost=IDLE_COST), replace(IDLE, name="c", idle_scrapes=1)])
def test_a_mark_is_not_taken_off_out_of_ignorance(seen: Worker) -> None:
    """Who set it knew more and may be about to lower the number: equal to a busy pod, it may stay in the place of that.

    Until it is known, nobody lowers the number either.
    """
    decision = decide_shrink(replace(CREW, workers=(IDLE, seen, BUSY)), 1, None)
    assert (decision.replicas, dict(decision.costs)) == (None, {})
    assert decision.reason == "pod c is marked to go first, and may be busy"


HELD = Mark(reason="looking at it", by="ops", at=NOW)
WHOLE: dict[str, tuple[dict[str, Any], str | None]] = {
    "it is current": ({"phase": Phase.DRAINING}, "v1"),
    "its record says that it is current": ({"phase": Phase.CURRENT}, "v2"),
    "its record says that it carries traffic": ({"phase": Phase.DRAINING, "traffic": "100%"}, "v2"),
    "a switch to it is under way": ({"phase": Phase.DRAINING, "traffic": "switching"}, "v2"),
    "the route points at nothing": ({"phase": Phase.DRAINING}, None),
    "it is held": ({"phase": Phase.DRAINED, "hold": HELD}, "v2"),
    "it is being tested": ({"phase": Phase.TESTING}, "v2"),
    "it is deleted": ({"phase": Phase.DELETED}, "v2"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_release_stays_whole_when(case: str) -> None:
    """Only what is not to carry traffic any more shrinks."""
    status, current = WHOLE[case]
    assert kept_whole(ReleaseStatus.model_validate(status), "v1", current)


@pytest.mark.parametrize("phase", [Phase.DRAINING, Phase.DRAINED])
def test_what_drains_or_is_kept_for_retention_may_shrink(phase: Phase) -> None:
    """Both have no users any more."""
    assert kept_whole(ReleaseStatus(phase=phase, traffic="-"), "v1", "v2") is None


def scrape(ago: float = 2, *, up: bool = True) -> Scrape:
    """A scrape of the pod."""
    return Scrape("a", up, NOW - timedelta(seconds=ago), timedelta(seconds=ago))


NO_GLIMPSE: dict[str, tuple[list[Scrape], list[float]]] = {
    "it is no target": ([], [0]),
    "the query says nothing of it": ([scrape()], []),
    "it has two series": ([scrape()], [0, 0]),
    "NaN": ([scrape()], [math.nan]),
    "negative": ([scrape()], [-1]),
    "a target is down": ([scrape(), scrape(up=False)], [0]),
    "the scrape is old": ([scrape(61)], [0]),
    "the scrape is of tomorrow": ([scrape(-9)], [0]),
}


@pytest.mark.parametrize("case", NO_GLIMPSE)
def test_a_pod_is_not_known_when(case: str) -> None:
    """Unknown is not idle."""
    scrapes, tasks = NO_GLIMPSE[case]
    assert glimpsed(scrapes, tasks, MAX_AGE, NOW) is None


def test_a_pod_is_as_well_known_as_by_its_oldest_scrape() -> None:
    """Of several targets the one that may hide most."""
    assert glimpsed([scrape(2), scrape(7)], [0], MAX_AGE, NOW) == Glimpse(NOW - 7 * SECOND, NOW - 7 * SECOND, 0)


def glimpse(ago: int, tasks: float = 0) -> Glimpse:
    """A glimpse whose scrape was so many seconds ago."""
    return Glimpse(NOW - ago * SECOND, NOW - ago * SECOND, tasks)


def test_two_looks_at_one_scrape_are_one() -> None:
    """Looks may be more frequent than scrapes."""
    seen: tuple[Glimpse, ...] = ()
    for ago in (30, 30, 30):
        seen = added(seen, glimpse(ago))
    assert idle_scrapes(seen, None) == 1
    assert idle_scrapes(added(seen, glimpse(15)), None) == 2


def test_a_look_without_an_answer_begins_anew() -> None:
    """What it did in between is not known."""
    assert added((glimpse(30), glimpse(15)), None) == ()


def test_a_task_begins_the_row_anew() -> None:
    """Idle, busy, idle is idle once."""
    assert idle_scrapes((glimpse(45), glimpse(30, 1), glimpse(15)), None) == 1


def test_scrapes_from_before_the_bus_gave_something_do_not_count() -> None:
    """A message that was given to somebody after the scrape may have been given to this pod."""
    seen = (glimpse(30), glimpse(15))
    assert idle_scrapes(seen, NOW - 31 * SECOND) == 2
    assert idle_scrapes(seen, NOW - 20 * SECOND) == 1
    assert idle_scrapes(seen, NOW) == 0


def test_the_bus_is_quiet_since_the_first_look_after_the_last_delivery() -> None:
    """Finishing is no delivery; an answer that never came begins anew."""
    first = quiet(None, NOW, BusWork(unacknowledged=2, delivered=5))
    assert first == Quiet(NOW, 5)
    assert quiet(first, NOW + SECOND, BusWork(unacknowledged=1, delivered=5)) == first
    assert quiet(first, NOW + SECOND, BusWork(unacknowledged=1, delivered=6)) == Quiet(NOW + SECOND, 6)
    assert quiet(first, NOW + SECOND, BusWork(problem="away")) is None
    assert quiet(None, NOW, None) is None


workers = st.builds(
    Worker,
    name=st.sampled_from("abcdef"),
    ready=st.booleans(),
    cost=st.sampled_from([BUSY_COST, IDLE_COST, 0, 7]),
    tasks=st.none() | st.sampled_from([0.0, 1.0, 5.0]),
    idle_scrapes=st.integers(0, 3),
)
crews = st.builds(
    Crew,
    workload=st.just("worker"),
    replicas=st.integers(0, 6),
    workers=st.lists(workers, max_size=6, unique_by=lambda worker: worker.name).map(tuple),
    unsteady=st.none() | st.just("a rollout"),
    autoscaler=st.none() | st.just("hpa"),
)
buses = st.none() | st.builds(
    BusWork,
    pending=st.integers(0, 1),
    unacknowledged=st.integers(0, 2),
    problem=st.none() | st.just("away"),
)


@given(crews, st.integers(0, 3), buses, st.randoms(use_true_random=False))
@pytest.mark.slow
def test_whoever_the_replica_set_chooses_is_idle(crew: Crew, minimum: int, bus: BusWork | None, by: Any) -> None:
    """Not ready before ready, then the lower cost, then whatever it likes: it never comes to a pod that may be busy."""
    decision = decide_shrink(crew, minimum, bus)
    if decision.replicas is None:
        return
    assert minimum <= decision.replicas < crew.replicas == len(crew.workers)
    chance: Callable[[Worker], float] = lambda _worker: by.random()  # noqa: E731 - the rest of its order is not ours
    order = sorted(crew.workers, key=lambda worker: (worker.ready, worker.cost, chance(worker)))
    assert all(worker.idle for worker in order[: crew.replicas - decision.replicas])
