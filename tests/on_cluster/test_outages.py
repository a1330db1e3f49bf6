"""What a whole release does while something around it is away: Prometheus, or what its tests need."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from spawn_app import APP, Spawn, eventually

from cluster.context import Context
from cluster.parts import argo
from rainbow.adapters.kube import DEPLOYMENT, POD, WORKFLOW, Kube
from rainbow.adapters.workflows import workflow_name
from rainbow.model.release import Phase

pytestmark = [pytest.mark.cluster, pytest.mark.alone]


@contextmanager
def away(kube: Kube, namespace: str, deployment: str) -> Iterator[None]:
    """A Deployment without pods; afterwards it is back and ready."""

    def scale(replicas: int) -> None:
        kube.patch(DEPLOYMENT, namespace, deployment, {"spec": {"replicas": replicas}})

    def ready() -> int:
        found = kube.get(DEPLOYMENT, namespace, deployment) or {}
        count: int = found["status"].get("readyReplicas", 0)
        return count

    scale(0)
    try:
        eventually(f"{deployment} is away", lambda: ready() == 0)
        yield
    finally:
        scale(1)
        eventually(f"{deployment} is back", lambda: ready() == 1)


def test_without_prometheus_nothing_is_deleted(spawn: Spawn, kube: Kube) -> None:
    """Unknown is not zero (B1): the older release is kept, says why, and goes when Prometheus is back."""
    spawn.release("v1")
    with away(kube, "platform", "prometheus"):
        spawn.release("v2")
        demoted = eventually("v1 is no longer current", lambda: spawn.record("v1").status.demoted_at)
        minimum_age = spawn.record("v1").spec.app.retention.minimum_age
        eventually("v1 is old enough", lambda: spawn.now() > demoted + 2 * minimum_age)
        status = spawn.record("v1").status
        assert status.phase is Phase.DRAINING
        assert "unknown" in (status.tasks or ""), status
        assert status.blocker
        assert spawn.kube.get(DEPLOYMENT, spawn.namespace, "worker-v1") is not None
        assert spawn.ask()[0] == "v2"
    eventually("v1 is deleted", lambda: spawn.record("v1").status.phase is Phase.DELETED)


def test_retry_in_the_ui_goes_on_where_it_failed(
    spawn: Spawn, kube: Kube, context: Context, storage: subprocess.Popen[bytes]
) -> None:
    """The storage was away, so the tests failed; it is back, somebody presses Retry (A3), and the release goes live."""
    spawn.release("v1")
    spawn.configure(lambda config: config["tests"].__setitem__("timeout", "20s"))
    storage.send_signal(signal.SIGSTOP)
    try:
        answer = spawn.try_release("v2")
    finally:
        storage.send_signal(signal.SIGCONT)
    assert answer.returncode == 1, answer.stderr
    assert spawn.record("v2").status.phase is Phase.FAILED
    assert spawn.backend() == "api-v1"
    name = workflow_name(APP, "v2")
    workflow = kube.get(WORKFLOW, spawn.namespace, name)
    assert workflow is not None
    # The very code behind the button: the new object, and the pods to delete first.
    retried, pods = argo.retry(context.cache, workflow)
    for pod in pods:
        kube.delete(POD, spawn.namespace, pod)
    kube.patch(WORKFLOW, spawn.namespace, name, [{"op": "replace", "path": "", "value": retried}])
    follow = spawn.rainbow("follow", "-n", spawn.namespace, APP, "v2", "-o", "json")
    assert follow.returncode == 0, follow.stderr
    assert spawn.ask()[0] == "v2"
    assert spawn.record("v2").status.phase is Phase.CURRENT
