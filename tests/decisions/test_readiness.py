"""Ready, waiting or hopeless: tables of what was seen."""

from datetime import UTC, datetime, timedelta

import pytest

from rainbow.decisions.readiness import (
    PATIENCE,
    RESTARTS,
    ContainerSeen,
    PodSeen,
    Seen,
    ServiceSeen,
    State,
    WorkloadSeen,
    judge,
    track,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ROLLED_OUT = WorkloadSeen("Deployment api-v1", 2, done=True, progress="2 of 2 pods ready")
ROLLING = WorkloadSeen("Deployment api-v1", 2, done=False, progress="1 of 2 pods ready")
ANSWERS = ServiceSeen("Service api-v1", ready_endpoints=2)
SILENT = ServiceSeen("Service api-v1", ready_endpoints=0)


def pod(container: ContainerSeen) -> PodSeen:
    """A pod with one container that is not ready."""
    return PodSeen("api-v1-abc", "Pending", (container,))


PULLING = pod(ContainerSeen("api", "ImagePullBackOff", "manifest unknown"))
LOOPING = pod(ContainerSeen("api", "CrashLoopBackOff", "back-off", RESTARTS, 1, "boom"))


def decide(seen: Seen, after: timedelta = timedelta(0)) -> tuple[State, str]:
    """The decision when the same was seen `after` ago, too."""
    troubles = track(track({}, seen, NOW - after), seen, NOW)
    decision = judge(seen, troubles, NOW)
    return decision.state, "\n".join(decision.reasons)


@pytest.mark.parametrize(
    ("case", "seen", "state"),
    [
        ("all is there", Seen((ROLLED_OUT,), (ANSWERS,)), State.READY),
        ("a pod too many is not ready yet", Seen((ROLLED_OUT,), (ANSWERS,), (LOOPING,)), State.HOPELESS),
        ("pods are missing", Seen((ROLLING,), (ANSWERS,)), State.WAITING),
        ("the Service has no endpoint", Seen((ROLLED_OUT,), (SILENT,)), State.WAITING),
        ("an object is missing", Seen((), (ANSWERS,), missing=("Deployment api-v1",)), State.WAITING),
        ("a workload of no pods", Seen((ROLLED_OUT,), (ServiceSeen("Service x", 0, expects=False),)), State.READY),
        ("an image cannot be pulled at first", Seen((ROLLING,), (), (PULLING,)), State.WAITING),
        ("a name that is no image", Seen((), (), (pod(ContainerSeen("a", "InvalidImageName")),)), State.HOPELESS),
        ("a Job has failed", Seen((WorkloadSeen("Job x", 0, done=False, progress="no", failed=True),)), State.HOPELESS),
    ],
)
def test_one_look(case: str, seen: Seen, state: State) -> None:
    """What a single look already decides."""
    assert decide(seen)[0] is state


def test_an_image_that_cannot_be_pulled_for_some_time_ends_the_wait() -> None:
    """Early, rather than at the timeout; and the reason is told."""
    seen = Seen((ROLLING,), (), (PULLING,))
    assert decide(seen, PATIENCE - timedelta(seconds=1))[0] is State.WAITING
    state, reasons = decide(seen, PATIENCE)
    assert state is State.HOPELESS
    assert "pod api-v1-abc: container api: ImagePullBackOff: manifest unknown" in reasons


def test_a_trouble_that_went_away_is_forgotten() -> None:
    """Two hiccups with a good time between them are two hiccups."""
    bad, good = Seen((ROLLING,), (), (PULLING,)), Seen((ROLLING,))
    troubles = track({}, bad, NOW - 2 * PATIENCE)
    troubles = track(troubles, good, NOW - PATIENCE)
    troubles = track(troubles, bad, NOW)
    assert judge(bad, troubles, NOW).state is State.WAITING


@pytest.mark.parametrize(
    ("case", "container", "state"),
    [
        ("crashed often, between two tries", ContainerSeen("a", "CrashLoopBackOff", "", RESTARTS, 1), State.HOPELESS),
        ("crashed once", ContainerSeen("a", "CrashLoopBackOff", "", 1, 1), State.WAITING),
        ("crashed often, but runs just now", ContainerSeen("a", None, "", RESTARTS, 1), State.WAITING),
    ],
)
def test_crashes(case: str, container: ContainerSeen, state: State) -> None:
    """A process may need some tries, until its database is there for example."""
    assert decide(Seen((ROLLING,), (), (pod(container),)))[0] is state


def test_the_last_words_of_a_crashed_container_are_told() -> None:
    """They are what somebody would look for next."""
    _, reasons = decide(Seen((ROLLING,), (), (LOOPING,)))
    assert "exited with 1, 3 restarts (CrashLoopBackOff); its last words:\n      | boom" in reasons


def test_why_no_node_takes_a_pod_is_told_while_waiting() -> None:
    """A cluster may grow a node, so this is no reason to give up."""
    state, reasons = decide(Seen((ROLLING,), (), (PodSeen("p", "Pending", unschedulable="0/1 nodes: no memory"),)))
    assert state is State.WAITING
    assert "pod p: no node takes it: 0/1 nodes: no memory" in reasons


def test_a_quota_that_forbids_pods_ends_the_wait_after_some_time() -> None:
    """There is no pod to look at then, only a condition of the workload."""
    stuck = WorkloadSeen("Deployment x", 1, done=False, progress="0 of 1 pods ready", trouble="FailedCreate: quota")
    assert decide(Seen((stuck,)))[0] is State.WAITING
    assert decide(Seen((stuck,)), PATIENCE) == (State.HOPELESS, "Deployment x: FailedCreate: quota")
