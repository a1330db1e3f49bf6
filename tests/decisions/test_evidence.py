"""What a look at a release is worth: one number, or unknown and why (B1)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.bus import BusWork
from rainbow.decisions.evidence import DrainPolicy, Evidence, Pod, Scrape, Workload, judge
from tests.decisions.make import NOW, POLICY, SECOND

API = Pod("api-v1-7d4b9-x2x2x", "Running", "api")
WORKER = Pod("worker-v1-5f6c8-z9z9z", "Running", "worker")


def scrape(pod: Pod, *, ago: float = 2, up: bool = True) -> Scrape:
    """The last scrape of a pod."""
    age = timedelta(seconds=ago)
    return Scrape(pod.name, up, NOW - age, age)


WHOLE = Evidence(
    at=NOW,
    pods=(API, WORKER),
    workloads=(Workload("api", 1, 1), Workload("worker", 1, 1)),
    scrapes=(scrape(API), scrape(WORKER, ago=5)),
    tasks=(0.0,),
    evaluated_at=NOW,
)
ONLY_WORKER = replace(POLICY, workloads=("worker",))


def test_a_whole_look_gives_the_number_and_dates_it_by_its_oldest_scrape() -> None:
    """All pods scraped, one series: the number counts, as old as the oldest scrape behind it."""
    found = judge(replace(WHOLE, tasks=(3.0,)), POLICY)
    assert (found.tasks, found.age) == (3.0, 5 * SECOND)
    assert (found.first_scrape, found.last_scrape) == (NOW - 5 * SECOND, NOW - 2 * SECOND)


UNKNOWN = {
    "prometheus did not answer": (replace(WHOLE, problem="timed out"), "timed out"),
    "no series": (replace(WHOLE, tasks=()), "no series"),
    "two series": (replace(WHOLE, tasks=(0.0, 0.0)), "2 series"),
    "NaN": (replace(WHOLE, tasks=(math.nan,)), "nan"),
    "infinite": (replace(WHOLE, tasks=(math.inf,)), "inf"),
    "negative": (replace(WHOLE, tasks=(-1.0,)), "-1"),
    "a running pod is no target": (replace(WHOLE, scrapes=(scrape(API),)), f"no target for running pod {WORKER.name}"),
    "no pod is a target": (replace(WHOLE, scrapes=()), "no target"),
    "a target is down": (replace(WHOLE, scrapes=(scrape(API), scrape(WORKER, up=False))), "up is 0"),
    "one of two targets of a pod is down": (
        replace(WHOLE, scrapes=(*WHOLE.scrapes, scrape(WORKER, up=False))),
        "up is 0",
    ),
    "a scrape is too old": (replace(WHOLE, scrapes=(scrape(API, ago=61), scrape(WORKER))), "1m1s old"),
    "a scrape from the future": (replace(WHOLE, scrapes=(scrape(API, ago=-9), scrape(WORKER))), "future"),
    "a pod is pending": (replace(WHOLE, pods=(API, replace(WORKER, phase="Pending"))), "is Pending"),
    "a pod's node does not answer": (replace(WHOLE, pods=(API, replace(WORKER, phase="Unknown"))), "is Unknown"),
    "a pod is missing": (replace(WHOLE, workloads=(Workload("worker", 2, 1),)), "worker has 1 of 2 pods"),
    "a pod without the release's labels": (replace(WHOLE, workloads=(Workload("worker", 2, 2),)), "1 of them with"),
    "no workload and no pod": (replace(WHOLE, workloads=(), pods=(), scrapes=()), "none of its workloads"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_when(case: str) -> None:
    """Whatever is missing makes the sample unknown and is named."""
    evidence, text = UNKNOWN[case]
    found = judge(evidence, POLICY)
    assert found.tasks is None
    assert text in found.why


SEVERAL = {
    "the query": replace(WHOLE, tasks=(0.0, 0.0, 2.0)),
    "the query, while pods are missing too": replace(WHOLE, tasks=(0.0, 0.0, 2.0), scrapes=()),
    "the count of who reports": replace(WHOLE, reporting=(1.0, 1.0, 1.0)),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_several_series_are_a_mistake_which_no_other_unknown_is(case: str) -> None:
    """How many pods there are makes no query right: it is unknown, with the fix, and told from what passes."""
    found = judge(SEVERAL[case], POLICY)
    assert (found.tasks, found.mistaken) == (None, True)
    assert "gave 3 series instead of one, a mistake that does not pass by itself; aggregate them" in found.why
    passing = [judge(evidence, POLICY) for name, (evidence, _) in UNKNOWN.items() if name != "two series"]
    assert not any(sample.mistaken for sample in passing)


COUNTED = replace(POLICY, counts_reporting=True)


def test_every_pod_has_to_export_the_metric_when_it_is_asked_how_many_do() -> None:
    """Scraped is not enough: a pod that exports nothing would be at work unseen, and the sum be zero."""
    assert judge(replace(WHOLE, reporting=(2.0,)), COUNTED).tasks == 0
    silent = judge(replace(WHOLE, reporting=(1.0,)), COUNTED)
    assert (silent.tasks, silent.why[:41]) == (None, "1 of 2 running pods export the metric (dr")
    assert "0 of 2" in judge(WHOLE, COUNTED).why
    assert "2 series" in judge(replace(WHOLE, reporting=(1.0, 1.0)), COUNTED).why
    assert judge(replace(WHOLE, reporting=(math.nan,)), COUNTED).tasks is None


def test_only_watched_pods_have_to_export_the_metric() -> None:
    """Those of the workloads that are named; none at all when the release is scaled to zero."""
    assert judge(replace(WHOLE, reporting=(1.0,)), replace(COUNTED, workloads=("worker",))).tasks == 0
    nobody = replace(WHOLE, pods=(), scrapes=(), workloads=(Workload("worker", 0, 0),))
    assert judge(nobody, COUNTED).tasks == 0


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_need_not_be_scraped(phase: str) -> None:
    """A pod whose containers have all ended does no work."""
    done = Pod("test-v1", phase, "test")
    assert judge(replace(WHOLE, pods=(*WHOLE.pods, done)), POLICY).tasks == 0


def test_pods_of_other_workloads_need_not_be_scraped_when_workloads_are_named() -> None:
    """drain.prometheus.workloads limits what has to be complete."""
    evidence = replace(WHOLE, scrapes=(scrape(WORKER),), workloads=(Workload("api", 2, 1), Workload("worker", 1, 1)))
    assert judge(evidence, ONLY_WORKER).tasks == 0
    assert judge(evidence, POLICY).tasks is None


def test_a_named_workload_that_is_not_there_is_unknown() -> None:
    """A wrong name in drain.prometheus.workloads must not make the check empty."""
    found = judge(WHOLE, replace(POLICY, workloads=("worker", "wroker")))
    assert found.tasks is None
    assert "wroker" in found.why


def test_a_release_scaled_to_zero_is_judged_by_the_query_alone() -> None:
    """Nobody is there to be scraped, on purpose: a query that gives a number then counts, one that does not, not."""
    nobody = replace(WHOLE, pods=(), scrapes=(), workloads=(Workload("worker", 0, 0),))
    assert judge(nobody, POLICY).tasks == 0
    assert judge(nobody, POLICY).first_scrape == NOW
    assert judge(replace(nobody, tasks=()), POLICY).tasks is None


BUS = replace(POLICY, asks_bus=True)


def test_the_larger_of_metric_and_bus_counts_and_both_are_named() -> None:
    """Pending on the bus, not yet in any pod: only the bus knows. At work and acknowledged early: only the metric."""
    waiting = judge(replace(WHOLE, bus=BusWork(pending=2, unacknowledged=1)), BUS)
    assert (waiting.tasks, waiting.why) == (3, "0 by the metric, 2 pending and 1 unacknowledged on the bus")
    assert judge(replace(WHOLE, tasks=(4.0,), bus=BusWork()), BUS).tasks == 4
    assert judge(replace(WHOLE, bus=BusWork()), BUS).tasks == 0


def test_unknown_of_either_is_unknown() -> None:
    """Metric and bus both have to be heard (B1, B10), and what is missing of each is named."""
    away = BusWork(problem="the bus is away")
    assert judge(WHOLE, BUS).why == "nobody has asked the bus"
    assert judge(replace(WHOLE, bus=away), BUS).tasks is None
    assert judge(replace(WHOLE, bus=BusWork(), tasks=()), BUS).tasks is None
    assert judge(replace(WHOLE, bus=away, problem="timed out"), BUS).why == "timed out; the bus is away"


def test_without_a_bus_in_rainbow_yaml_nobody_asks_it() -> None:
    """The metric alone decides, in the words of old."""
    assert judge(replace(WHOLE, tasks=(1.0,)), POLICY).why == ""
    assert judge(replace(WHOLE, bus=BusWork(problem="away")), POLICY).tasks == 0


scrapes = st.lists(
    st.builds(scrape, st.sampled_from([API, WORKER]), ago=st.floats(min_value=-120, max_value=240), up=st.booleans()),
    max_size=4,
).map(tuple)
pods = st.lists(
    st.builds(
        Pod,
        st.sampled_from([API.name, WORKER.name]),
        st.sampled_from(["Running", "Pending", "Unknown", "Failed", "Succeeded"]),
        st.sampled_from(["api", "worker"]),
    ),
    max_size=3,
    unique_by=lambda pod: pod.name,
).map(tuple)
evidences = st.builds(
    Evidence,
    at=st.just(NOW),
    pods=pods,
    workloads=st.lists(st.builds(Workload, st.just("api"), st.integers(0, 2), st.integers(0, 2)), max_size=1).map(
        tuple
    ),
    scrapes=scrapes,
    tasks=st.lists(st.floats(), max_size=2).map(tuple),
    evaluated_at=st.just(NOW),
    problem=st.none() | st.just("timed out"),
    bus=st.none()
    | st.builds(BusWork, st.integers(0, 2), st.integers(0, 2), problem=st.none() | st.just("the bus is away")),
)
policies = st.builds(
    DrainPolicy,
    samples=st.integers(2, 4),
    max_age=st.just(60 * SECOND),
    minimum_age=st.just(SECOND),
    workloads=st.none() | st.just(("worker",)),
    asks_bus=st.booleans(),
)


@given(evidences, policies)
def test_a_number_is_never_made_up(evidence: Evidence, policy: DrainPolicy) -> None:
    """Whatever was seen: a known sample is the one finite number of the query, with every watched pod scraped.

    Where the bus is asked it is heard, too, and is at most that many.
    """
    found = judge(evidence, policy)
    if found.tasks is None:
        assert found.why
        return
    assert evidence.problem is None
    held = 0
    if policy.asks_bus:
        assert evidence.bus is not None
        assert evidence.bus.problem is None
        held = evidence.bus.tasks
    assert found.tasks == max(*evidence.tasks, held)
    assert len(evidence.tasks) == 1
    assert 0 <= found.tasks < math.inf
    for pod in evidence.pods:
        if pod.phase in ("Succeeded", "Failed") or (policy.workloads and pod.workload not in policy.workloads):
            continue
        assert pod.phase == "Running"
        own = [s for s in evidence.scrapes if s.pod == pod.name]
        assert own
        assert all(s.up and s.age <= policy.max_age for s in own)
