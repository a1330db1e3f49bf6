"""`redeploy` against an emulated API server: from its deletion to being current again, wherever it is killed."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from emulated import START, Emulated, Killed, answer
from three_releases import Shop, at, kill

from rainbow.adapters import jetstream
from rainbow.adapters.nats_api import Unheard
from rainbow.adapters.proxy import Proxy
from rainbow.decisions.bus import Consumer
from rainbow.errors import BadInput, Refused, TemporaryError
from rainbow.model.names import release_labels
from rainbow.model.release import Mark, Phase, new_record
from steps import redeploy


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The app with v2 current, v1 deleted, and v3 on its way."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    _begin(made)
    return made


def _begin(shop: Shop) -> None:
    shop.start()
    shop.switch("v2")
    for key in list(shop.store.objects):
        if key[0] != "releases" and "v1" in key[2] and key[0] != "events":
            shop.store.remove(key)
    shop.note("v1", phase=Phase.DELETED, deleted_at=shop.clock.now(), traffic="-", drained_at=shop.clock.now())
    shop.clock.sleep(60)


def _redeploy(shop: Shop, around: Any = lambda _: None, **more: Any) -> None:
    params = redeploy.Params(namespace="shops", app="shop", release="v1", by="ada", **more)
    redeploy.run(params, shop.world(around))


def _deployed(shop: Shop) -> None:
    """What the steps after it do."""
    meta = {"name": "web-v1", "namespace": "shops", "labels": release_labels("shop", "v1")}
    Emulated(None, store=shop.store).create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
    shop.note("v1", phase=Phase.READY, tested_at=shop.clock.now())


def test_it_is_like_a_new_release_and_goes_live(shop: Shop) -> None:
    """S11: nothing of its earlier life is in the way, though the route remembers that it was replaced."""
    _redeploy(shop)
    status = shop.record("v1").status
    assert (status.phase, status.deleted_at, status.live_at, status.drained_at) == (Phase.PENDING, None, None, None)
    _deployed(shop)
    shop.switch("v1", run="again")
    assert shop.current == "v1"
    assert shop.record("v1").status.phase is Phase.CURRENT
    shop.settled()


def test_what_was_submitted_before_is_older_now(shop: Shop) -> None:
    """A release that was under way when v1 came back does not replace it."""
    _redeploy(shop)
    _deployed(shop)
    shop.switch("v1", run="again")
    with pytest.raises(Refused, match="superseded: v1 is current and newer"):
        shop.switch("v3", run="three")
    assert shop.current == "v1"


def test_killed_before_any_write_a_second_run_finishes(shop: Shop) -> None:
    """A3: the second run finds that it was done, or does it."""
    for write in range(1, 6):
        _begin(shop)
        with contextlib.suppress(Killed):
            _redeploy(shop, at(write, "before", kill))
        _redeploy(shop)
        assert shop.record("v1").status.phase is Phase.PENDING
        assert shop.record("v1").status.redeployed_at is not None


def test_while_something_of_it_is_left_it_waits(shop: Shop) -> None:
    """Whoever deletes that may not have ended yet."""
    _deployed(shop)
    shop.note("v1", phase=Phase.DELETED, deleted_at=shop.clock.now())
    version = shop.store.version
    with pytest.raises(TemporaryError, match="its deletion is not finished: objects left: 1"):
        _redeploy(shop)
    assert shop.store.version == version


GIVEN_UP = {"retention": {"minimumAge": "1m", "maximumDrainAge": "2h", "overdue": "delete"}}


@pytest.mark.parametrize(
    ("case", "noted", "found", "ended"),
    [
        ("work is left", {}, {"workers-v1": 1}, "left what it was deleted with: workers-v1 with 1 pending"),
        ("it is not known", {}, Unheard("nats://bus cannot be reached"), "cannot be reached"),
        ("nothing is left", {}, {"workers-v1": 0}, ""),
        ("collected", {}, {}, ""),
        ("another one's", {}, {"workers-v1-x": 1}, ""),
        ("seen without work: nobody asks", {"drained_at": START}, Unheard("nobody asks"), ""),
    ],
)
def test_the_work_that_it_was_deleted_with_goes_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, case: str, noted: Any, found: Any, ended: str
) -> None:
    """What the policy gave up would come to the new pods, and nobody would look at it before those go again."""
    shop.drain = {"jetstream": {"url": "nats://bus", "stream": "tasks", "consumers": "workers-$release*"}}
    _begin(shop)
    kube = Emulated(None, store=shop.store)
    head = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy"}
    kube.create(head | {"metadata": {"name": "shop", "namespace": "shops"}, "spec": GIVEN_UP})
    shop.clock.sleep(9000)
    shop.note("v1", **{"drained_at": None, "deleted_at": shop.clock.now()} | noted)
    if "v1-x" in str(found):
        kube.create(new_record(shop.record("v2").spec.model_copy(update={"release": "v1-x"})))

    def look(_url: str, asked: Any) -> Any:
        failed = isinstance(found, Unheard)
        return dict.fromkeys(asked, found if failed else tuple(Consumer(n, p, 0, 1, START) for n, p in found.items()))

    monkeypatch.setattr(jetstream, "look", look)
    if ended:
        with pytest.raises(TemporaryError, match=ended):
            _redeploy(shop)
        assert shop.record("v1").status.phase is Phase.DELETED, case
    else:
        _redeploy(shop)
        assert shop.record("v1").status.phase is Phase.PENDING, case


def test_what_is_still_there_or_was_rolled_back_from_or_is_unknown_is_refused(shop: Shop) -> None:
    """Nothing is changed, and the message says what to do instead."""
    version = shop.store.version
    for name, error, said in (("v2", Refused, "it is current"), ("v9", BadInput, "there are: v1, v2, v3")):
        params = redeploy.Params(namespace="shops", app="shop", release=name)
        with pytest.raises(error, match=said):
            redeploy.run(params, shop.world())
    assert shop.store.version == version
    shop.note("v1", rejected=Mark(reason="errors", by="ada", at=shop.clock.now()))
    with pytest.raises(Refused, match="it was rolled back from by ada"):
        _redeploy(shop)
    _redeploy(shop, allow_rejected=True)
    assert shop.record("v1").status.rejected is None


def test_a_dry_run_says_what_it_would_do(shop: Shop) -> None:
    """B3."""
    version = shop.store.version
    _redeploy(shop, dry_run=True)
    assert "would take-up: its record is taken up again" in shop.said[-1]
    assert shop.store.version == version
