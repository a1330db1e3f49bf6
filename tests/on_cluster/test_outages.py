"""What a whole release does while something around it is away: Prometheus, or what its tests need."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml
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


def test_retry_in_the_ui_goes_on_where_it_failed(spawn: Spawn, kube: Kube, context: Context) -> None:
    """A Secret was missing, so deploying failed; it is made, somebody presses Retry (A3), and the release goes live."""
    spawn.release("v1")
    worker = spawn.folder / "deploy" / "worker.yaml"
    deployment, *others = yaml.safe_load_all(worker.read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["envFrom"] = [{"secretRef": {"name": "licence"}}]
    worker.write_text(yaml.safe_dump_all([deployment, *others]))
    answer = spawn.try_release("v2")
    assert answer.returncode == 1, answer.stderr
    assert 'secret "licence" not found' in answer.stderr
    assert spawn.record("v2").status.phase is Phase.FAILED
    assert spawn.backend() == "api-v1"
    name = workflow_name(APP, "v2")
    workflow = kube.get(WORKFLOW, spawn.namespace, name)
    assert workflow is not None
    secret = {"name": "licence", "namespace": spawn.namespace}
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"LICENCE": "granted"}})
    # The very code behind the button: the new object, and the pods to delete first.
    retried, pods = argo.retry(context.cache, workflow)
    for pod in pods:
        kube.delete(POD, spawn.namespace, pod)
    kube.patch(WORKFLOW, spawn.namespace, name, [{"op": "replace", "path": "", "value": retried}])
    follow = spawn.rainbow("follow", "-n", spawn.namespace, APP, "v2", "-o", "json")
    assert follow.returncode == 0, follow.stderr
    assert spawn.ask()[0] == "v2"
    assert spawn.record("v2").status.phase is Phase.CURRENT
