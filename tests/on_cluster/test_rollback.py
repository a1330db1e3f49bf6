"""`rollback` on the cluster: right here and as a workflow, while users ask; and what comes late does not undo it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from spawn_app import RAINBOW, eventually
from stand_ins import APP, Shop, users

from cluster.context import Context
from cluster.parts import argo
from rainbow.adapters.kube import POD, WORKFLOW, Kube, Object, connect
from rainbow.adapters.lock import read_lease
from rainbow.adapters.world import World
from rainbow.model.release import Phase
from steps import switch

pytestmark = pytest.mark.cluster


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context, pod: str) -> Shop:
    """The app with v1 and v2, of which v2 is current."""
    shop = Shop(kube, namespace, f"127.0.0.1:{context.ports.traefik}", pod, url="http://traefik.platform:80")
    for name in ("v1", "v2"):
        shop.release(name)
        _switch(shop, name)
    return shop


def _switch(shop: Shop, release: str) -> None:
    proxy = f"http://{shop.proxy}"
    params = switch.Params(namespace=shop.namespace, app=APP, release=release, proxy_url=proxy)
    switch.run(params, World(connect(), say=lambda _: None))


def _rainbow(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([RAINBOW, *arguments], capture_output=True, text=True, check=False)


def _rolled_back(shop: Shop) -> None:
    """What is so after it, however it was run."""
    back, left = shop.record("v1").status, shop.record("v2").status
    assert shop.backend() == "web-v1"
    assert (back.phase, back.traffic, back.demoted_at) == (Phase.CURRENT, "100%", None)
    assert (left.phase, left.traffic) == (Phase.DRAINING, "-")
    assert left.rejected is not None
    assert left.rejected.reason == "errors at checkout"
    lease = read_lease(shop.kube, shop.namespace, APP)
    assert lease is not None
    assert lease.holder is None


def test_now_it_is_done_right_here_under_load(shop: Shop) -> None:
    """S10, K1: no pod, no workflow; nobody sees a failure, and the record names who did it and why."""
    options = ["--reason", "errors at checkout", "--now", "--proxy-url", f"http://{shop.proxy}"]
    with users(shop) as load:
        answer = _rainbow("rollback", "-n", shop.namespace, APP, *options)
    assert answer.returncode == 0, answer.stderr
    assert "release v1 of shop is current" in answer.stdout
    assert load.failures == []
    assert load.order() == ["v2", "v1"]
    _rolled_back(shop)
    rejected = shop.record("v2").status.rejected
    assert rejected is not None
    assert rejected.by not in ("", "unknown")


def test_as_a_workflow_under_load_and_a_late_retry_of_the_release_is_refused(shop: Shop, context: Context) -> None:
    """S10, B5, A3: the pod has the rights that it needs; the Retry button of v2's own workflow does not undo it."""
    subprocess.run([RAINBOW, "install", "-n", shop.namespace], check=True, stdout=sys.stderr)
    shop.release("v3", phase=Phase.TESTING)
    failed = _workflow(shop, "switch", "v3")  # not tested yet: it fails, and somebody may press Retry at any time
    with users(shop) as load:
        answer = _rainbow("rollback", "-n", shop.namespace, APP, "v1", "--reason", "errors at checkout")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        shop.note("v3", phase=Phase.READY)
        _press_retry(shop, context, failed)
    assert load.failures == []
    assert load.order() == ["v2", "v1"]
    _rolled_back(shop)
    record = shop.record("v3").status
    assert record.phase is Phase.FAILED
    assert "superseded: v2 was rolled back from by" in (record.message or "")


def _workflow(shop: Shop, step: str, release: str) -> str:
    """Submit the operation and wait until it has failed; the name of its workflow."""
    answer = _rainbow(step, "-n", shop.namespace, APP, release)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    (name,) = [w["metadata"]["name"] for w in shop.kube.list(WORKFLOW, shop.namespace)]
    return str(name)


def _press_retry(shop: Shop, context: Context, name: str) -> None:
    """The button of the Argo UI; ends when the workflow has ended again."""
    workflow = shop.kube.get(WORKFLOW, shop.namespace, name)
    assert workflow is not None
    retried, pods = argo.retry(context.cache, workflow)
    for pod in pods:
        shop.kube.delete(POD, shop.namespace, pod)
    shop.kube.patch(WORKFLOW, shop.namespace, name, [{"op": "replace", "path": "", "value": retried}])

    def ended() -> Object | None:
        now = shop.kube.get(WORKFLOW, shop.namespace, name)
        assert now is not None
        return now if now["status"]["phase"] in ("Failed", "Error", "Succeeded") else None

    assert eventually("the workflow has ended again", ended, timeout=90)["status"]["phase"] == "Failed"
