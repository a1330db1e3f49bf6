"""How long a pass waits: for a whole row of samples, and not for a release that never settles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from shops import CURRENT, DRAINED, IDLE, Shops

from rainbow.adapters.drain import DrainWatch
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from steps import collect_garbage

SETTLING = DrainDecision(DrainState.SETTLING, "0", ("no active task in 2 of 3 samples in a row",))


def config(shops: Shops, app: str, interval: str, max_age: str) -> AppConfig:
    """Three samples at this interval."""
    query = {"url": "http://prometheus", "query": 'tasks{release="$release"}', "samples": 3}
    return shops.config(app, drain={"prometheus": query | {"interval": interval, "maxAge": max_age}})


@pytest.mark.parametrize(("interval", "max_age", "minutes"), [("15s", "60s", 6), ("60s", "2m", 10), ("5m", "5m", 24)])
def test_one_that_never_settles_keeps_no_other(
    interval: str, max_age: str, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has had time for a whole row of samples; another app's release goes in the same pass, well in time."""
    shops, looked = Shops(), dict[str, int]()
    for app in ("spawn", "mail"):
        shops.release("v1", app, config=config(shops, app, interval, max_age), **DRAINED)
        shops.release("v9", app, config=config(shops, app, interval, max_age), **CURRENT)
        shops.point("v9", app)

    def look(self: DrainWatch, releases: Sequence[Release]) -> dict[str, DrainDecision]:
        given: dict[str, Any] = {}
        for release in releases:
            sealed_at = release.status.sealed_at
            row = f"{release.app}-{sealed_at}"  # a row of samples begins anew with the seal
            looked[row] = looked.get(row, 0) + 1
            given[release.id] = IDLE if release.app == "spawn" and looked[row] >= 3 else SETTLING
        return given

    monkeypatch.setattr(DrainWatch, "look", look)
    world = shops.world()
    collect_garbage.run(collect_garbage.Params(namespace="spawn"), world)
    assert not shops.works("v1")
    assert shops.works("v1", "mail")
    assert world.clock.monotonic() < 60 * minutes
