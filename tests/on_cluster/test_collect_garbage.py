"""Garbage collection on the cluster: on its schedule, with its own rights, against work of the last moment."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import APP, Shop, at_once, eventually, ingress
from spawn_app import RAINBOW
from test_delete import ALL, Meddling, whole

from cluster.context import Context
from rainbow.adapters.kube import INGRESS, POLICY, WORKFLOW, Kind, Kube, Object, connect
from rainbow.adapters.records import list_releases
from rainbow.adapters.world import World
from rainbow.errors import PermanentError
from rainbow.model.release import Phase, Release
from steps.collect_garbage import Params, run
from workflows.collect_garbage import DEADLINE
from workflows.rbac import access, rules

pytestmark = pytest.mark.cluster

CRON = Kind("argoproj.io/v1alpha1", "CronWorkflow")
TEMPLATE = Kind("argoproj.io/v1alpha1", "WorkflowTemplate")
NEVER_LIVE: dict[str, Any] = {"phase": Phase.FAILED, "live_at": None, "demoted_at": None, "traffic": None}
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context) -> Shop:
    """An app in a namespace of its own."""
    return Shop(kube, namespace, f"http://127.0.0.1:{context.ports.prometheus}")


def collect(shop: Shop, kube: Kube | None = None) -> None:
    """Run the step here."""
    run(Params(namespace=shop.namespace), World(kube=kube or shop.kube, say=shop.lines.append))


def failed(shop: Shop, name: str) -> Release:
    """A release that failed long ago; nobody has to be asked for tasks."""
    return shop.release(name, tasks=None, failed_at=datetime.now(UTC) - 2 * HOUR, **NEVER_LIVE)


def test_its_rights_are_enough(shop: Shop) -> None:
    """With the Role that is installed, and nothing else: a release, objects without a record, and an old record."""
    shop.release("v1")
    shop.current("v2")
    lost = {"name": "lost", "namespace": shop.namespace, "labels": {"rainbow.dev/app": "x", "rainbow.dev/release": "y"}}
    shop.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": lost})
    for name, hours in (("d1", 2), ("d2", 1)):
        shop.release(name, tasks=None, phase=Phase.DELETED, deleted_at=datetime.now(UTC) - hours * HOUR)
    meta, spec = {"name": APP, "namespace": shop.namespace}, {"retention": {"history": 2}}
    shop.kube.create({"apiVersion": POLICY.api_version, "kind": POLICY.kind, "metadata": meta, "spec": spec})
    shop.scraped("v1")
    limited = shop.limited(rules("collect-garbage"))
    for _ in range(2):  # a record goes after its objects
        collect(shop, limited)
    assert {r.id for r in list_releases(shop.kube, shop.namespace, APP)} == {"v1", "v2", "d2"}
    assert shop.left_of("v1") == []
    assert whole(shop, "v2")
    assert shop.left_of("d1") == shop.left_of("d2") == []
    assert f"{shop.namespace}/x y: keep: it has no record, but its objects are younger than 1h" in shop.said


def test_work_that_begins_in_the_last_moment_is_found(shop: Shop) -> None:
    """A task begun through the release's own route just before that was closed: it is opened again and drains."""
    base = json.dumps(ingress(shop.namespace, APP, "web"))
    shop.release("v1", manifests=base)
    shop.current("v2")
    shop.scraped("v1")
    closed: list[bool] = []

    def task_begins() -> None:
        shop.say_tasks("v1", 1)

    kube = Meddling(shop.kube, "seal", task_begins)
    kube_delete = kube.delete

    def watched(kind: Kind, namespace: str | None, name: str, **options: Any) -> bool:
        closed.append(kind == INGRESS)
        return kube_delete(kind, namespace, name, **options)

    kube.delete = watched  # type: ignore[method-assign]
    collect(shop, kube)
    assert closed == [True]
    assert whole(shop, "v1")
    status = shop.record("v1").status
    assert (status.phase, status.sealed_at, status.blocker) == (Phase.DRAINING, None, "1 active task")


def test_two_namespaces_by_the_account_of_the_first(shop: Shop, kube: Kube) -> None:
    """With what is installed in each of them, and no right of the whole cluster; a third one is closed to it."""
    here, there, closed = shop.namespace, f"{shop.namespace}-2", f"{shop.namespace}-3"
    try:
        for namespace in (here, there, closed):
            meta = {"name": namespace}
            kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
            for obj in access(namespace, [here, there]):
                if obj["metadata"]["name"] == "rainbow-collect-garbage":
                    kube.apply(obj)
            failed(Shop(kube, namespace, shop.prometheus), "v1")
        account = connect()
        account.client.set_default_header("Impersonate-User", f"system:serviceaccount:{here}:rainbow-collect-garbage")
        world = World(kube=account, say=shop.lines.append)
        run(Params(namespace=here, namespaces=f"{here},{there}"), world)
        assert [Shop(kube, name, "").left_of("v1") == [] for name in (here, there, closed)] == [True, True, False]
        with pytest.raises(PermanentError, match="cannot list resource"):
            run(Params(namespace=here, namespaces=closed), world)
    finally:
        for namespace in (there, closed):
            kube.delete(Kind("v1", "Namespace"), None, namespace)


def test_the_schedule_goes_on_after_a_run_that_is_stuck(shop: Shop) -> None:
    """The CronWorkflow as installed, only more often: a run that never ends meets its deadline, the next collects (A4).

    Suspended in the Argo UI, it stays so when the namespace is installed again.
    """
    subprocess.run([RAINBOW, "install", "-n", shop.namespace], check=True, capture_output=True)
    shop.kube.patch(CRON, shop.namespace, "collect-garbage", {"spec": {"suspend": True}})
    subprocess.run([RAINBOW, "install", "-n", shop.namespace], check=True, capture_output=True)
    suspended = shop.kube.get(CRON, shop.namespace, "collect-garbage")
    assert suspended is not None
    assert suspended["spec"]["suspend"] is True
    failed(shop, "v1")
    shop.current("v2")
    template = shop.kube.get(TEMPLATE, shop.namespace, "collect-garbage")
    assert template is not None
    stuck = [_stuck(t) if "container" in t else t for t in template["spec"]["templates"]]
    shop.kube.patch(TEMPLATE, shop.namespace, "collect-garbage", {"spec": {"templates": stuck}})
    often = {"schedules": ["@every 3s"], "suspend": False, "workflowSpec": {"activeDeadlineSeconds": 8}}
    shop.kube.patch(CRON, shop.namespace, "collect-garbage", {"spec": often})
    eventually(lambda: bool(_phases(shop, "Running")), "a run is stuck")
    shop.kube.patch(TEMPLATE, shop.namespace, "collect-garbage", {"spec": template["spec"]})
    eventually(lambda: bool(_phases(shop, "Failed")), "the run that is stuck is ended")
    # A run takes longer than the schedule leaves, and is not ended by the next one.
    as_installed = {"workflowSpec": {"activeDeadlineSeconds": DEADLINE}}
    shop.kube.patch(CRON, shop.namespace, "collect-garbage", {"spec": as_installed})
    eventually(lambda: shop.left_of("v1") == [], "the release is collected")
    assert whole(shop, "v2")


def test_two_collections_at_once_come_to_the_same_end(shop: Shop) -> None:
    """A schedule and a person, or two schedules after all: one of them deletes, none does harm."""
    failed(shop, "v1")
    shop.current("v2")
    assert all(problem.exit_code == 75 for problem in at_once(lambda: collect(shop)))
    collect(shop)
    assert shop.left_of("v1") == []
    assert len(shop.left_of("v2")) == len(ALL)


def _stuck(template: Object) -> Object:
    return {**template, "container": {**template["container"], "command": ["sleep"], "args": ["3600"]}}


def _phases(shop: Shop, phase: str) -> list[Object]:
    return [w for w in shop.kube.list(WORKFLOW, shop.namespace) if (w.get("status") or {}).get("phase") == phase]
