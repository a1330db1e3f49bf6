"""Blue/green on the cluster: the idle release makes way for the next one, but not while it works (F1)."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from shop import APP, Shop, eventually
from spawn_app import RAINBOW

from cluster.context import Context
from rainbow.adapters.kube import WORKFLOW, Kube
from rainbow.adapters.workflows import workflow_object
from rainbow.adapters.world import World
from rainbow.errors import Refused
from rainbow.model.app import AppConfig
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps.make_room import Params, run
from workflows.rbac import rules

pytestmark = pytest.mark.cluster


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context) -> Shop:
    """An app in a namespace of its own."""
    return Shop(kube, namespace, f"http://127.0.0.1:{context.ports.prometheus}")


def blue_green(shop: Shop) -> AppConfig:
    """Kept by every age there is, were it not for its strategy."""
    config = shop.config(minimumAge="10h").model_dump(mode="json", by_alias=True, exclude_none=True)
    return AppConfig.model_validate(config | {"strategy": "blue-green"})


def test_the_idle_one_goes_when_its_work_is_done_and_not_before(shop: Shop) -> None:
    """Refused with the reason while it works; then it goes, whatever its age, and never are there three."""
    config = blue_green(shop)
    shop.release("v1", app=config, tasks="1")
    shop.current("v2")
    never: dict[str, Any] = {"phase": Phase.PENDING, "live_at": None, "demoted_at": None, "traffic": None}
    shop.release("v3", app=config, tasks=None, **never)
    shop.scraped("v1")
    limited = World(kube=shop.limited(rules("make-room")), say=shop.lines.append)
    params = Params(namespace=shop.namespace, app=APP, release="v3")
    with pytest.raises(Refused, match="v1: 1 active task"):
        run(params, limited)
    assert len(shop.left_of("v1")) == len(shop.left_of("v2"))
    assert shop.record("v3").status.phase is Phase.FAILED
    shop.say_tasks("v1", 0)
    run(params, limited)
    assert shop.left_of("v1") == []
    assert len(shop.left_of("v2")) == len(shop.left_of("v3"))


def test_in_the_workflow_nothing_is_deployed_while_there_is_no_room(shop: Shop) -> None:
    """The task comes first, in its pod with its own account; refused, it fails the release and nothing else begins."""
    subprocess.run([RAINBOW, "install", "-n", shop.namespace], check=True, capture_output=True)
    config = blue_green(shop)
    shop.release("v1", app=config, tasks=None)  # nobody can say from within the cluster: Prometheus is not there
    shop.current("v2")
    shop.kube.create(new_record(ReleaseSpec(release="v3", app=config, manifests="")))
    given = {"app": APP, "release": "v3", "build": "false", "make-room": "true"}
    workflow = shop.kube.create(workflow_object("release", shop.namespace, APP, "v3", given))

    def ended() -> bool:
        found = shop.kube.get(WORKFLOW, shop.namespace, workflow["metadata"]["name"]) or {}
        return (found.get("status") or {}).get("phase") == "Failed"

    eventually(ended, "the workflow fails")
    record = shop.record("v3").status
    assert record.phase is Phase.FAILED
    assert "blue/green has room for two releases" in (record.message or "")
    assert record.deployed_at is None
    assert len(shop.left_of("v1")) == len(shop.left_of("v2"))
