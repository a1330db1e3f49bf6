"""`run-tests` notes that a release has passed only on the record as it was read; others write it at the same time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from emulated import START, Emulated, answer
from three_releases import Shop

from rainbow.adapters.proxy import Proxy
from rainbow.errors import Refused
from rainbow.model.release import Phase
from steps import run_tests


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """An app without tests of its own: that it is deployed is all that is asked."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    made.start()
    made.note("v3", phase=Phase.TESTING, deployed_at=START)
    return made


def _run_while(shop: Shop, **changes: Any) -> None:
    """The step for v3, on whose record somebody writes right before the step does."""
    wrote: list[str] = []

    def called(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("shop-v3/status") and not wrote:
            wrote.append(path)
            shop.note("v3", **changes)

    params = run_tests.Params(namespace="shops", app="shop", release="v3")
    run_tests.run(params, replace(shop.world(run="w"), kube=Emulated(None, store=shop.store, called=called)))


def test_a_deletion_in_between_stays_a_deletion(shop: Shop) -> None:
    """Ready with a time of deletion, it would be switched to with nothing behind it."""
    with pytest.raises(Refused, match="v3 of app shop has been deleted"):
        _run_while(shop, phase=Phase.DELETED, deleted_at=shop.clock.now())
    status = shop.record("v3").status
    assert (status.phase, status.tested_at) == (Phase.DELETED, None)


def test_a_note_in_between_is_kept_and_the_release_is_ready(shop: Shop) -> None:
    """It is read and written again."""
    _run_while(shop, tasks="3")
    status = shop.record("v3").status
    assert (status.phase, status.tasks) == (Phase.READY, "3")
    assert status.tested_at is not None


def test_a_switch_in_between_keeps_its_phase(shop: Shop) -> None:
    """Only that the tests have passed is added."""
    _run_while(shop, phase=Phase.CURRENT, traffic="100%", live_at=shop.clock.now())
    status = shop.record("v3").status
    assert status.phase is Phase.CURRENT
    assert status.tested_at is not None
