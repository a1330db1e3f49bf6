"""What the API server says about a release, made into what the decision needs: real answers, shortened."""

from typing import Any

import pytest

from rainbow.adapters.readiness import see_pod, see_service, see_workload


def deployment(replicas: int | None = 2, **status: Any) -> dict[str, Any]:
    """A Deployment; its status as given."""
    spec: dict[str, Any] = {"template": {"metadata": {"labels": {"a": "b", "c": "d"}}}}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"kind": "Deployment", "metadata": {"name": "x", "generation": 3}, "spec": spec, "status": status}


DONE = {"observedGeneration": 3, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("case", "workload", "done"),
    [
        ("rolled out", deployment(**DONE), True),
        ("not looked at yet", deployment(**DONE | {"observedGeneration": 2}), False),
        ("no status yet", deployment(), False),
        ("old pods are ready", deployment(**DONE | {"updatedReplicas": 1}), False),
        ("ready, not available long enough", deployment(**DONE | {"availableReplicas": 1}), False),
        ("one replica by default", deployment(None, **dict.fromkeys(DONE, 1) | {"observedGeneration": 3}), True),
        ("none wanted", deployment(0, observedGeneration=3), True),
    ],
)
def test_when_a_deployment_is_rolled_out(case: str, workload: dict[str, Any], done: bool) -> None:
    """As `kubectl rollout status` judges."""
    assert see_workload(workload).done is done


def test_a_deployment_that_may_make_no_pods_says_why() -> None:
    """A quota, for example."""
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    assert see_workload(deployment(conditions=[condition])).trouble == "FailedCreate: exceeded quota"


@pytest.mark.parametrize(("kind", "done", "failed"), [("Complete", True, False), ("Failed", False, True)])
def test_a_job_is_done_or_failed(kind: str, done: bool, failed: bool) -> None:
    """By its conditions."""
    status = {"conditions": [{"type": kind, "status": "True", "reason": "R", "message": "m"}]}
    seen = see_workload({"kind": "Job", "metadata": {"name": "x"}, "spec": {}, "status": status})
    assert (seen.done, seen.failed) == (done, failed)


def test_a_daemon_set_counts_the_nodes_that_should_have_a_pod() -> None:
    """Which only its status knows."""
    status = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}
    seen = see_workload({"kind": "DaemonSet", "metadata": {"name": "x"}, "spec": {}, "status": status})
    assert (seen.pods, seen.done, seen.progress) == (3, False, "2 of 3 pods ready")


def service(**selector: str) -> dict[str, Any]:
    """A Service."""
    return {"kind": "Service", "metadata": {"name": "x"}, "spec": {"selector": selector}}


def endpoints(service_name: str, *ready: bool | None) -> dict[str, Any]:
    """An EndpointSlice of a Service."""
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": service_name}},
        "endpoints": [{"conditions": {} if r is None else {"ready": r}} for r in ready],
    }


def test_only_ready_endpoints_of_the_service_itself_count() -> None:
    """Nothing said about readiness means ready (Kubernetes API, EndpointConditions)."""
    slices = [endpoints("x", True, False, None), endpoints("y", True)]
    assert see_service(service(a="b"), [deployment()], slices).ready_endpoints == 2


@pytest.mark.parametrize(
    ("case", "workloads", "expects"),
    [
        ("a workload with pods", [deployment(2)], True),
        ("a workload of no pods", [deployment(0)], False),
        ("no workload that we know", [], True),
    ],
)
def test_when_a_service_should_have_endpoints(case: str, workloads: list[dict[str, Any]], expects: bool) -> None:
    """When in doubt it should: a Service that nobody answers is no release."""
    assert see_service(service(a="b"), workloads, []).expects is expects


def waiting(name: str, reason: str, **more: Any) -> dict[str, Any]:
    """The status of a container that waits."""
    return {"name": name, "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}, **more}


def test_a_crash_loop_has_the_exit_code_of_the_run_before() -> None:
    """The current state only says that it is being waited."""
    last = {"terminated": {"exitCode": 7}}
    status = {
        "phase": "Running",
        "containerStatuses": [waiting("a", "CrashLoopBackOff", restartCount=4, lastState=last)],
    }
    (container,) = see_pod({"metadata": {"name": "p"}, "status": status}).unready
    assert (container.exit_code, container.restarts, container.waiting) == (7, 4, "CrashLoopBackOff")


def test_while_an_init_container_fails_the_others_are_not_blamed() -> None:
    """They wait because they have to."""
    status = {
        "initContainerStatuses": [waiting("init", "ImagePullBackOff")],
        "containerStatuses": [waiting("main", "PodInitializing")],
    }
    assert [c.name for c in see_pod({"metadata": {"name": "p"}, "status": status}).unready] == ["init"]


def test_a_pod_that_fits_nowhere_has_the_words_of_the_scheduler() -> None:
    """There is no container yet to look at."""
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    seen = see_pod({"metadata": {"name": "p"}, "status": {"conditions": [condition]}})
    assert seen.unschedulable == "0/1 nodes are available"
