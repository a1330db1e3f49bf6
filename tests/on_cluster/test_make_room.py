"""Blue/green on the cluster: the idle release makes way for the next one, but not while it works (F1).

In the workflow, where nothing is deployed while there is no room, it is shown in test_kills.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from shop import APP, Shop

from cluster.context import Context
from rainbow.adapters.kube import Kube
from rainbow.adapters.world import World
from rainbow.errors import Refused
from rainbow.model.app import AppConfig
from rainbow.model.release import Phase
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
    time.sleep(1.1)  # creation times have whole seconds, and what is not newer needs no room
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
