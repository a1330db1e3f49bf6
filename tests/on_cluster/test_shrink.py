"""A draining release gives up its idle pods, on the cluster: its real ReplicaSet controller chooses which ones (B8)."""

from __future__ import annotations

import threading
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from shop import APP, Shop, eventually
from streams import Stream, stream

from cluster.context import Context
from rainbow.adapters.jetstream import consumers
from rainbow.adapters.kube import DEPLOYMENT, Kube, Object
from rainbow.adapters.prometheus import Prometheus
from rainbow.adapters.records import note
from rainbow.adapters.shrink_watch import AUTOSCALER
from rainbow.adapters.shrinking import REPLICAS, RESTORING, restore_replicas
from rainbow.adapters.world import World
from rainbow.decisions.switch import SWITCHING
from rainbow.errors import TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.release import Phase
from steps import delete
from steps.wait_for_drain import RULES, Params, run

pytestmark = pytest.mark.cluster
PER_POD = 'sum by (pod) (tasks{namespace="$namespace",app="$app",release="$release"})'


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context) -> Shop:
    """An app in a namespace of its own."""
    return Shop(kube, namespace, f"http://127.0.0.1:{context.ports.prometheus}")


@pytest.fixture
def bus(context: Context) -> Iterator[Stream]:
    """A stream of the test's own."""
    with stream(f"nats://127.0.0.1:{context.ports.nats}", f"test-{uuid.uuid4().hex[:10]}") as made:
        yield made


def config(shop: Shop, **drain: Any) -> AppConfig:
    """rainbow.yaml of an app that shrinks."""
    plain = shop.config(maxAge="30s").model_dump(mode="json", by_alias=True, exclude_none=True)
    shrink = {"query": PER_POD, "workloads": ["worker"], "minimum": 1}
    return AppConfig.model_validate(plain | {"drain": plain["drain"] | {"shrink": shrink} | drain})


def three_pods(shop: Shop, name: str, app: AppConfig) -> list[Object]:
    """A draining release of three pods, each scraped."""
    shop.release(name, app=app)
    shop.kube.patch(DEPLOYMENT, shop.namespace, f"worker-{name}", {"spec": {"replicas": 3}})

    def scraped() -> bool:
        pods = [pod["metadata"]["name"] for pod in shop.pods(name)]
        found = Prometheus(shop.prometheus).scrapes(shop.namespace, pods)
        return len(pods) == 3 and [scrape.up for scrape in found] == [True] * 3

    eventually(scraped, f"three pods of {name} are scraped")
    return shop.pods(name)


def set_tasks(pod: Object, tasks: int) -> None:
    """The pod has so many tasks from now on."""
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8000/set/tasks%20{tasks}", timeout=5) as answer:
        assert answer.status == 200


def replicas(shop: Shop, name: str) -> int:
    """How many pods the release is to have."""
    found = shop.kube.get(DEPLOYMENT, shop.namespace, f"worker-{name}")
    assert found is not None
    return int(found["spec"]["replicas"])


def waiting(shop: Shop, world: World | None = None) -> threading.Thread:
    """Somebody waits for the releases before v2."""
    params = Params.model_validate({"namespace": shop.namespace, "app": APP, "release": "v2", "max_wait": "90s"})
    thread = threading.Thread(target=run, args=(params, world or shop.world))
    thread.start()
    return thread


def test_idle_pods_go_and_the_busy_one_finishes(shop: Shop) -> None:
    """Two of three go, never the one at work; when it is done the release is drained; a switch gets all back."""
    pods = three_pods(shop, "v1", config(shop))
    busy = pods[1]
    set_tasks(busy, 1)
    shop.counted("v1", 1)
    shop.current("v2")
    waits = waiting(shop, World(kube=shop.limited(RULES), say=shop.lines.append))
    eventually(lambda: len(shop.pods("v1")) == 1, "two pods are gone")
    (left,) = shop.pods("v1")
    assert left["metadata"]["uid"] == busy["metadata"]["uid"]
    assert waits.is_alive()
    assert shop.record("v1").status.phase is Phase.DRAINING
    set_tasks(busy, 0)
    waits.join(60)
    assert shop.record("v1").status.phase is Phase.DRAINED, shop.said
    marked = note(shop.kube, shop.record("v1"), traffic=SWITCHING)
    assert restore_replicas(shop.limited(RESTORING, "switch"), marked) == ["worker"]
    assert replicas(shop, "v1") == 3
    found = shop.kube.get(DEPLOYMENT, shop.namespace, "worker-v1") or {}
    assert REPLICAS not in found["metadata"]["annotations"]


def test_work_on_the_bus_keeps_the_release_and_all_its_pods(shop: Shop, bus: Stream) -> None:
    """Any pod may be given it next; work that comes between waiting and deleting is found; the consumer goes last."""
    bus.consumer("v1")
    bus.publish("v1")
    drain = {"jetstream": {"url": bus.url, "stream": bus.name, "consumers": "workers-$release"}}
    three_pods(shop, "v1", config(shop, **drain))
    shop.counted("v1", 0)
    shop.current("v2")
    waits = waiting(shop)
    eventually(lambda: "worker: tasks wait on the bus: 1" in shop.said, "it is said why")
    status = shop.record("v1").status
    assert (status.tasks, status.phase) == ("1", Phase.DRAINING)
    assert status.blocker == "1 active task (0 by the metric, 1 pending and 0 unacknowledged on the bus)"
    assert replicas(shop, "v1") == 3
    bus.work("v1", finish=True)
    waits.join(90)
    assert shop.record("v1").status.phase is Phase.DRAINED, shop.said
    bus.publish("v1")  # work of the last moment, which no metric shows yet
    names = {"namespace": shop.namespace, "app": APP, "release": "v2"}
    with pytest.raises(TemporaryError, match=r"was drained, and is kept: 1 active task .*1 pending"):
        delete.run(delete.Params.model_validate(names), shop.world)
    assert shop.pods("v1")
    bus.work("v1", finish=True)
    delete.run(delete.Params.model_validate(names), shop.world)
    assert shop.record("v1").status.phase is Phase.DELETED
    assert consumers(bus.url, bus.name, "*") == ()


def test_what_an_autoscaler_scales_is_left_alone(shop: Shop) -> None:
    """Two that set one number would fight at every look."""
    three_pods(shop, "v1", config(shop))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker-v1"}
    spec = {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 3}
    meta = {"name": "workers", "namespace": shop.namespace}
    shop.kube.create({"apiVersion": AUTOSCALER.api_version, "kind": AUTOSCALER.kind, "metadata": meta, "spec": spec})
    shop.current("v2")
    waits = waiting(shop)
    waits.join(90)
    assert "HorizontalPodAutoscaler workers scales it" in shop.said
    assert replicas(shop, "v1") == 3
