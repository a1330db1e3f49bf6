"""Deletion when something about one release is not clear: that one is kept, and the others are judged as always."""

from __future__ import annotations

from typing import Any

import pytest
from emulated import START
from shops import CURRENT, DRAINED, FAILED, HOUR, Shops, looks

from rainbow.adapters.records import note
from rainbow.errors import PermanentError
from rainbow.model.app import AppConfig
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps import collect_garbage, delete

WATCH = {
    "traffic": 'r{release="$release"}',
    "watch": [{"name": "errors", "query": 'e{release="$release"}', "limit": 0.1}],
}
LONG_AGO = {"phase": Phase.DELETED, "deleted_at": START, "live_at": START - 9 * HOUR, "demoted_at": START - 8 * HOUR}


@pytest.fixture
def shops(monkeypatch: pytest.MonkeyPatch, no_gateway: None) -> Shops:
    """An app without releases, on a cluster without the Gateway API."""
    looks(monkeypatch, {})
    return Shops()


def _stage(shops: Shops, **changes: Any) -> AppConfig:
    """v1 is to go, v2 is current."""
    config = shops.config("spawn", **changes)
    shops.release("v1", config=config, **DRAINED)
    shops.release("v2", config=config, **CURRENT)
    shops.point("v2")
    return config


def _policy(shops: Shops, **spec: Any) -> None:
    head = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "spawn", "namespace": "spawn"}}
    shops.kube.create(head | {"spec": spec})


def _run(shops: Shops, step: str) -> None:
    if step == "collect-garbage":
        collect_garbage.run(collect_garbage.Params(namespace="spawn"), shops.world())
    else:
        delete.run(delete.Params(namespace="spawn", app="spawn", release="v2"), shops.world())


def _record_only(shops: Shops, config: AppConfig, **status: Any) -> None:
    """A release v0 of which nothing is left but its record."""
    shops.release("v0", config=config, **status)
    for key in [key for key in shops.store.objects if key[0] in ("services", "deployments", "ingresses")]:
        del shops.store.objects[key]


STEPS = pytest.mark.parametrize("step", ["collect-garbage", "delete"])


# --- the policy ---------------------------------------------------------------------------------------------


@STEPS
def test_a_record_of_old_that_the_policy_does_not_fit_stops_no_deletion(shops: Shops, step: str) -> None:
    """`rainbow policy set` lets it through: nothing is judged of a deleted release any more."""
    _record_only(shops, shops.config("spawn"), **LONG_AGO)
    _stage(shops, bake=WATCH | {"duration": "30s"})
    shops.release("v3", config=shops.config("spawn", bake=WATCH), **FAILED)
    _policy(shops, bake={"duration": "1m"})
    note(shops.kube, shops.record("v2"), baked_at=START)
    _run(shops, step)
    assert [shops.works(name) for name in ("v1", "v2", "v3")] == [False, True, False]


@STEPS
def test_a_release_that_the_policy_does_not_fit_is_kept_alone(shops: Shops, step: str) -> None:
    """And says why: what the policy would have it be cannot be known."""
    _stage(shops)
    odd = shops.config("spawn", retention={"minimumAge": "30m", "maximumDrainAge": "40m"})
    shops.release("v0", config=odd, **DRAINED)
    _policy(shops, retention={"minimumAge": "45m"})
    _run(shops, step)
    assert [shops.works(name) for name in ("v0", "v1", "v2")] == [True, False, True]
    kept = shops.record("v0").status.blocker
    assert kept is not None
    assert kept.startswith("Policy spawn/spawn does not fit release v0: retention: maximumDrainAge 40m is not above")


@STEPS
def test_a_policy_that_does_not_fit_the_current_release_keeps_all(shops: Shops, step: str) -> None:
    """It says how many are kept to be rolled back to."""
    _stage(shops)
    _policy(shops, retention={"keep": "many"})
    with pytest.raises(PermanentError, match=r"Policy spawn/spawn does not fit release v2: retention\.keep"):
        _run(shops, step)
    assert shops.works("v1")


# --- the route ----------------------------------------------------------------------------------------------


def _elsewhere(shops: Shops, **status: Any) -> None:
    config = shops.config("spawn", route={"httpRoute": {"name": "spawn", "url": "http://proxy"}})
    shops.kube.create(new_record(ReleaseSpec(release="v3", app=config, manifests="{}")))
    note(shops.kube, shops.record("v3"), **status)
    shops.objects("v3")


@STEPS
@pytest.mark.parametrize("status", [FAILED, {"phase": Phase.READY}])
def test_a_release_that_never_lived_with_a_route_that_cannot_be_read_is_kept_alone(
    shops: Shops, step: str, status: dict[str, Any]
) -> None:
    """httpRoute on a cluster without the Gateway API: it has moved no route, whatever that says."""
    _stage(shops)
    _elsewhere(shops, **status)
    _run(shops, step)
    assert [shops.works(name) for name in ("v1", "v2", "v3")] == [False, True, True]


@STEPS
def test_one_that_lived_by_a_route_that_cannot_be_read_keeps_all(shops: Shops, step: str) -> None:
    """That may be where users are."""
    _stage(shops)
    _elsewhere(shops, **DRAINED)
    with pytest.raises(PermanentError, match="the cluster does not know"):
        _run(shops, step)
    assert shops.works("v1")


@STEPS
def test_a_current_release_whose_service_is_gone_keeps_all(shops: Shops, step: str) -> None:
    """The one before may be the only one that works; that the records know who is current is no reason to delete it."""
    _stage(shops)
    del shops.store.objects["services", "spawn", "web-v2"]
    with pytest.raises(PermanentError, match="there is no Service spawn/web-v2"):
        _run(shops, step)
    assert shops.works("v1")
