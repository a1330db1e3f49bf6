"""What can be said of wait-for-drain without a cluster; the rest is in tests/on_cluster/test_wait_for_drain.py."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from emulated import START, Emulated, StoppedClock, Store, point_route
from pydantic import ValidationError

from rainbow.adapters.records import note, read_release
from rainbow.adapters.shrink_watch import ShrinkWatch
from rainbow.adapters.world import World
from rainbow.decisions.shrink import Shrinking
from rainbow.errors import BadInput, TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import delete
from steps.wait_for_drain import RULES, Params, run
from tests.decisions.make import app

NAMES = {"namespace": "shop", "app": "shop", "release": "v2"}


def test_it_waits_six_hours_unless_told_otherwise() -> None:
    """Long enough for long tasks, short enough that Argo starts it anew every now and then."""
    assert Params.model_validate(NAMES).max_wait == timedelta(hours=6)
    assert Params.model_validate(NAMES | {"max_wait": "90m"}).max_wait == timedelta(minutes=90)


@pytest.mark.parametrize("text", ["", "90", "forever", "-1h"])
def test_a_wrong_duration_is_refused(text: str) -> None:
    """No guess about units."""
    with pytest.raises(ValidationError, match="is not a duration"):
        Params.model_validate(NAMES | {"max_wait": text})


def test_prometheus_may_be_named_by_hand() -> None:
    """Outside the cluster the address in rainbow.yaml does not resolve: the one that was given is asked instead."""
    kube, lines = Emulated(None, store=Store()), list[str]()
    config = AppConfig.model_validate(
        {
            "app": "shop",
            "namespace": "shop",
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": "shop", "url": "http://proxy"}},
            "drain": {"prometheus": {"url": "http://prometheus.nowhere", "query": "tasks{release='$release'}"}},
        }
    )
    for name in ("v1", "v2"):
        kube.create(new_record(ReleaseSpec(release=name, app=config, manifests="")))
    note(kube, read_release(kube, "shop", "shop", "v1"), phase=Phase.DRAINING, demoted_at=START)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        params = Params.model_validate(NAMES | {"prometheus_url": url, "dry_run": True})
        run(params, World(kube, clock=StoppedClock(), say=lines.append))
    assert any(f"Prometheus {url} did not answer" in line for line in lines), lines


@pytest.mark.parametrize("spec", [{"retention": {"keep": "many"}}, {"hold": {"reason": "no time, no name"}}])
def test_a_policy_that_cannot_be_is_wrong_input(spec: dict[str, object]) -> None:
    """Exit 2, at once: it is not known how long to wait, and somebody has to correct it."""
    kube = Emulated(None, attempts=1, store=Store())
    for name in ("v1", "v2"):
        kube.create(new_record(ReleaseSpec(release=name, app=app(), manifests="")))
    note(kube, read_release(kube, "spawn", "spawn", "v1"), phase=Phase.DRAINING, live_at=START, demoted_at=START)
    meta = {"name": "spawn", "namespace": "spawn"}
    kube.create({"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": meta, "spec": spec})
    params = Params.model_validate({"namespace": "spawn", "app": "spawn", "release": "v2"})
    with pytest.raises(BadInput, match="Policy spawn/spawn"):
        run(params, World(kube, clock=StoppedClock(), say=lambda _line: None))


def three_releases(kube: Emulated, current: str) -> None:
    """v1 to v3, of which one is current and the others drain."""
    for number, name in enumerate(("v1", "v2", "v3")):
        kube.create(new_record(ReleaseSpec(release=name, app=app(), manifests="")))
        meta = {"name": f"web-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
        live = START + timedelta(minutes=number)
        draining = {"demoted_at": START + timedelta(minutes=9), "phase": Phase.DRAINING, "traffic": "-"}
        note(kube, read_release(kube, "spawn", "spawn", name), live_at=live, **({} if name == current else draining))
    point_route(kube, f"web-{current}")


def test_everything_that_drains_shrinks_waited_for_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The release that was rolled back from is not waited for by the one before it, and has as little to do."""
    kube, looked_at, lines = Emulated(None, attempts=1, store=Store()), [], list[str]()

    def look(_watch: ShrinkWatch, release: Release, current: str | None) -> list[Shrinking]:
        looked_at.append((release.id, current))
        if release.id == "v3":
            raise TemporaryError("Prometheus is away")
        return [Shrinking("worker", "1 of 3 pods are busy")]

    monkeypatch.setattr(ShrinkWatch, "look", look)
    three_releases(kube, current="v2")
    params = Params.model_validate({"namespace": "spawn", "app": "spawn", "release": "v2", "max_wait": "0s"})
    with pytest.raises(TemporaryError, match="still waiting"):
        run(params, World(kube, clock=StoppedClock(), say=lines.append))
    assert looked_at == [("v1", "v2"), ("v3", "v2")]
    assert lines[:2] == ["v1: worker: 1 of 3 pods are busy", "v3: not shrunk: Prometheus is away"]


def test_only_who_waits_for_the_current_release_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that lower one number, each with a knowledge of its own, one may end what the other knows to be busy."""
    kube, looked_at = Emulated(None, attempts=1, store=Store()), list[str]()
    monkeypatch.setattr(ShrinkWatch, "look", lambda _watch, release, _current: looked_at.append(release.id) or [])
    three_releases(kube, current="v3")
    for waits_for, expected in (("v2", set()), ("v3", {"v1", "v2"})):
        names = {"namespace": "spawn", "app": "spawn", "release": waits_for, "max_wait": "1s"}
        with pytest.raises(TemporaryError, match="still waiting"):
            run(Params.model_validate(names), World(kube, clock=StoppedClock(), say=lambda _line: None))
        assert set(looked_at) == expected


def test_delete_has_the_same_flag() -> None:
    """Both look at the same work."""
    assert "prometheus_url" in delete.Params.model_fields
    with pytest.raises(ValidationError, match="prometheus_url"):
        delete.Params.model_validate(NAMES | {"prometheus_url": "prometheus:9090"})


def test_it_may_change_nothing_but_notes_and_what_shrinks() -> None:
    """Whoever waits looks; it creates nothing and deletes nothing."""
    writing = {tuple(rule["resources"]): rule["verbs"] for rule in RULES if set(rule["verbs"]) - {"get", "list"}}
    allowed = [("releases/status",), ("pods/status",), ("deployments/status", "deployments/scale")]
    assert writing == {resources: ["patch"] for resources in allowed}
