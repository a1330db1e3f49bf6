"""A rollback while garbage is collected, through the real proxy: users see no failure, whoever is first (B2, S10)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from stand_ins import APP, Shop, users
from test_delete import Meddling

from cluster.context import Context
from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.kube import SERVICE, Kube, connect
from rainbow.adapters.world import World
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.errors import Refused, TemporaryError
from rainbow.model.release import Phase, Release
from steps import collect_garbage, rollback, switch

pytestmark = pytest.mark.cluster

IDLE = DrainDecision(DrainState.DRAINED, "0", ("no active task",))
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context, pod: str, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """v2 is current, v1 is drained and due. What work it has is not the subject here: none."""

    def look(_self: DrainWatch, releases: Sequence[Release]) -> dict[str, DrainDecision]:
        return {release.id: IDLE for release in releases}

    monkeypatch.setattr(DrainWatch, "look", look)
    shop = Shop(kube, namespace, f"127.0.0.1:{context.ports.traefik}", pod)
    for name in ("v1", "v2"):
        shop.release(name)
        switch.run(switch.Params(namespace=namespace, app=APP, release=name), world())
    long_ago = datetime.now(UTC) - 9 * HOUR
    shop.note("v1", phase=Phase.DRAINED, live_at=long_ago - HOUR, demoted_at=long_ago)
    return shop


def world(kube: Kube | None = None) -> World:
    """The real one, of a process of its own."""
    return World(kube or connect(), say=lambda _line: None)


def collect(shop: Shop, kube: Kube | None = None) -> None:
    """Collect; what changed meanwhile is left for the next time."""
    with suppress(TemporaryError):
        collect_garbage.run(collect_garbage.Params(namespace=shop.namespace), world(kube))


def roll_back(shop: Shop) -> bool:
    """Roll back to v1. False when it is refused, since it is deleted."""
    try:
        rollback.run(rollback.Params(namespace=shop.namespace, app=APP, release="v1", reason="slow"), world())
    except Refused as error:
        return "rainbow redeploy" not in str(error)
    return True


def came_out_whole(shop: Shop, *, back: bool) -> None:
    """Either v1 is current with all that it has, or v2 is and v1 is deleted."""
    collect(shop)
    assert shop.backend() == ("web-v1" if back else "web-v2")
    assert (shop.kube.get(SERVICE, shop.namespace, "web-v1") is not None) is back
    assert shop.record("v1").status.phase is (Phase.CURRENT if back else Phase.DELETED)


@pytest.mark.parametrize("moment", ["seal", "commit"])
def test_the_rollback_wins_until_the_deletion_is_noted(shop: Shop, moment: str) -> None:
    """Before and after the release was sealed: it is opened again, and carries the users."""
    kube = Meddling(shop.kube, moment, lambda: roll_back(shop))
    with users(shop) as load:
        collect(shop, kube)
    assert kube.happened
    assert load.failures == []
    assert load.order() == ["v2", "v1"]
    came_out_whole(shop, back=True)


def test_after_that_it_is_refused_and_says_what_to_do(shop: Shop) -> None:
    """Nothing of the release can be relied on any more; users stay where they are."""
    answers: list[bool] = []
    kube = Meddling(shop.kube, "delete Service", lambda: answers.append(roll_back(shop)))
    with users(shop) as load:
        collect(shop, kube)
    assert answers == [False]
    assert load.failures == []
    came_out_whole(shop, back=False)


def test_at_the_same_time(shop: Shop) -> None:
    """Nobody orders them."""
    answers: list[bool] = []
    steps: list[Callable[[], None]] = [lambda: collect(shop), lambda: answers.append(roll_back(shop))]
    threads = [threading.Thread(target=step) for step in steps]
    with users(shop) as load:
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        for thread in threads:
            thread.join()
    assert load.failures == []
    came_out_whole(shop, back=answers[0])
