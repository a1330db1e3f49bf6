"""Deleting on the cluster: what is drained goes as a whole, and nothing else is touched (B1, B2, B3, S8, S9)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import APP, Shop, at_once, ingress

from cluster.context import Context
from rainbow.adapters.kube import CONFIG_MAP, DEPLOYMENT, INGRESS, Kind, Kube, Object
from rainbow.adapters.records import note
from rainbow.adapters.world import World
from rainbow.errors import TemporaryError
from rainbow.model.release import Phase, Release
from steps.delete import RULES, Params, run

pytestmark = pytest.mark.cluster

ALL = ["ConfigMap settings", "Service web", "Deployment worker", f"Ingress {APP}"]
HOUR = timedelta(hours=1)
FAR = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context) -> Shop:
    """An app in a namespace of its own."""
    return Shop(kube, namespace, f"http://127.0.0.1:{context.ports.prometheus}")


def delete(shop: Shop, *, dry_run: bool = False, kube: Kube | None = None) -> None:
    """Run the step."""
    params = Params.model_validate({"namespace": shop.namespace, "app": APP, "release": "v2", "dry_run": dry_run})
    run(params, World(kube=kube or shop.kube, say=shop.lines.append))


def whole(shop: Shop, name: str) -> bool:
    """Nothing of the release is missing."""
    return len(shop.left_of(name)) == len(ALL)


def test_what_is_drained_goes_as_a_whole_and_its_record_stays(shop: Shop) -> None:
    """All objects of the release, and no others; the record is kept as history (S8). Each pod exports the metric."""
    reporting = shop.config().drain.prometheus.query.replace("sum(", "count(")
    shop.release("v1", app=shop.config(reporting=reporting))
    shop.current("v2")
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unrelated-v1", "namespace": shop.namespace}}
    shop.kube.create(other)
    shop.scraped("v1")
    delete(shop)
    assert shop.left_of("v1") == []
    assert whole(shop, "v2")
    assert shop.kube.get(CONFIG_MAP, shop.namespace, "unrelated-v1") is not None
    status = shop.record("v1").status
    assert status.phase is Phase.DELETED
    assert status.deleted_at is not None
    assert "v1: delete: no active task in" in shop.said
    assert "v2: keep: current" in shop.said
    assert "deleted: v1" in shop.said


def test_its_rights_are_enough(shop: Shop) -> None:
    """With the Role of its RULES and nothing else it deletes a whole release."""
    shop.release("v1")
    shop.release("v0", tasks=None, phase=Phase.READY, live_at=None, demoted_at=None)
    shop.current("v2")
    shop.scraped("v1")
    delete(shop, kube=shop.limited(RULES))
    assert shop.left_of("v1") == []
    assert whole(shop, "v2")
    assert "v0: keep: Ready: no workflow is at work on it" in shop.said
    noted_at = shop.record("v0").noted_at
    assert noted_at is not None
    assert abs(datetime.now(UTC) - noted_at) < timedelta(minutes=5)


def test_a_second_run_finds_nothing_to_do(shop: Shop) -> None:
    """Argo or a person may run it again at any time (A3)."""
    shop.release("v1")
    shop.current("v2")
    shop.scraped("v1")
    delete(shop)
    before = shop.record("v1").resource_version
    shop.lines.clear()
    delete(shop)
    assert shop.record("v1").resource_version == before
    assert shop.lines == ["v2: keep: current: the route points at it", "deleted: "]


@dataclass(frozen=True)
class Kept:
    """A release that has to stay, and a part of the reason that is given."""

    why: str
    tasks: str = "0"
    scraped: bool = True
    drain: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)


KEPT = {
    "busy": Kept("1 active task", tasks="1"),
    "nan": Kept("nan", tasks="NaN"),
    "no-target": Kept("no target for running pod", scraped=False),
    "prometheus-away": Kept("did not answer", drain={"url": "http://127.0.0.1:1"}),
    "no-such-metric": Kept("no series", drain={"query": 'sum(nothing{release="$release"})'}),
    "scalar": Kept("no instant vector", drain={"query": 'scalar(sum(tasks{release="$release"}))'}),
    "drained-yet-busy": Kept("1 active task", tasks="1", status={"phase": Phase.DRAINED, "drained_at": FAR}),
    "being-switched-to": Kept("a switch to it", status={"traffic": "switching"}),
    "with-traffic": Kept("carries traffic", status={"traffic": "100%"}),
    "demoted-some-time": Kept("not known when", status={"demoted_at": None}),
    "too-young": Kept("since its demotion", drain={"minimumAge": "1h"}),
    "being-tested": Kept("Testing: no workflow is at work on it", status={"phase": Phase.TESTING}),
}


def test_kept_when(shop: Shop) -> None:
    """Whatever speaks against it keeps all of a release, and is named (B1, B2, B3)."""
    for name, kept in KEPT.items():
        config = shop.config(**kept.drain)
        shop.release(name, tasks=kept.tasks, scraped=kept.scraped, app=config, **kept.status)
    shop.current("v2")
    shop.running(*KEPT)
    shop.scraped(*(name for name, kept in KEPT.items() if kept.scraped))
    with pytest.raises(TemporaryError, match="drained-yet-busy: was drained, and is kept: 1 active task"):
        delete(shop)
    for name, kept in KEPT.items():
        assert whole(shop, name), name
        assert shop.record(name).status.phase is not Phase.DELETED
        said = [line for line in shop.lines if line.startswith(f"{name}: keep: ")]
        assert len(said) == 1
        assert kept.why in said[0]
    assert shop.lines[-1] == "deleted: "


def test_what_another_route_refers_to_is_kept(shop: Shop) -> None:
    """A route that is not the app's own refers to its Service: deleting that would break it."""
    shop.release("v1")
    shop.current("v2")
    shop.kube.apply(ingress(shop.namespace, "admin", "web-v1"))
    delete(shop)
    assert whole(shop, "v1")
    assert "v1: keep: still referred to by admin" in shop.said


def test_nothing_is_deleted_when_the_route_is_gone(shop: Shop) -> None:
    """Without a route nobody is current: the one to go back to may be any of them."""
    shop.release("v1")
    shop.release("v2")
    shop.scraped("v1")
    delete(shop)
    assert whole(shop, "v1")
    assert whole(shop, "v2")


def test_a_failed_release_goes_after_its_time(shop: Shop) -> None:
    """It was never live, so nobody has to be asked for tasks; it is kept for a while to be looked at."""
    never = {"phase": Phase.FAILED, "live_at": None, "demoted_at": None, "traffic": None}
    shop.release("v0", failed_at=datetime.now(UTC) - 2 * HOUR, **never)
    shop.release("v1", failed_at=datetime.now(UTC), **never)
    shop.current("v2")
    delete(shop)
    assert shop.left_of("v0") == []
    assert whole(shop, "v1")
    assert shop.record("v1").status.blocker == "Failed: kept for 1h to be looked at and retried"


def test_dry_run_says_the_plan_and_changes_nothing(shop: Shop) -> None:
    """Each release with what becomes of it and why (B3)."""
    before = shop.release("v1")
    shop.current("v2")
    shop.scraped("v1")
    delete(shop, dry_run=True)
    assert whole(shop, "v1")
    assert shop.record("v1").resource_version == before.resource_version
    assert [line.split(": ")[:2] for line in shop.lines] == [["v1", "delete"], ["v2", "keep"]]


class Meddling(Kube):
    """The real API server, with something happening just before a call that matters."""

    def __init__(self, kube: Kube, before: str, event: Callable[[], object]) -> None:
        super().__init__(kube.client)
        self.before, self.event, self.happened = before, event, False

    def _happens(self, call: str) -> None:
        if call == self.before and not self.happened:
            self.happened = True
            self.event()

    def patch(self, kind: Kind, namespace: str | None, name: str, patch: Any, **options: Any) -> Object:
        """Before a record is written: the seal, or the deletion itself."""
        status = patch.get("status", {}) if isinstance(patch, dict) else {}
        self._happens("commit" if status.get("deletedAt") else "seal" if status.get("sealedAt") else "")
        return super().patch(kind, namespace, name, patch, **options)

    def delete(self, kind: Kind, namespace: str | None, name: str, **options: Any) -> bool:
        """Before an object is deleted."""
        self._happens(f"delete {kind.kind}")
        return super().delete(kind, namespace, name, **options)


@pytest.fixture
def drained(shop: Shop) -> Release:
    """v1 is drained, v2 current."""
    record = shop.release("v1")
    shop.current("v2")
    shop.scraped("v1")
    return record


def test_a_switch_that_begins_first_wins(shop: Shop, drained: Release) -> None:
    """The record was marked by a switch after it was read: the note of the seal conflicts (B2)."""
    kube = Meddling(shop.kube, "seal", lambda: note(shop.kube, drained, traffic="switching"))
    with pytest.raises(TemporaryError, match="changed meanwhile"):
        delete(shop, kube=kube)
    assert kube.happened
    assert whole(shop, "v1")
    assert shop.record("v1").status.phase is Phase.DRAINING


def test_what_happens_after_the_first_look_is_seen(shop: Shop, drained: Release) -> None:
    """Everything is read again between seal and deletion, and the seal is taken back (B2)."""
    admin = ingress(shop.namespace, "admin", "web-v1")
    events: dict[str, Callable[[], object]] = {
        "referred to by admin": lambda: shop.kube.apply(admin),
        "nan": lambda: shop.say_tasks("v1", math.nan),
        "1 active task": lambda: shop.say_tasks("v1", 1),
        "the route points at it": lambda: shop.point_at("v1"),
    }
    for reason, event in events.items():
        shop.lines.clear()
        kube = Meddling(shop.kube, "seal", event)
        delete(shop, kube=kube)
        assert kube.happened
        assert whole(shop, "v1")
        (kept,) = [line for line in shop.lines if line.startswith("v1: kept after all")]
        assert reason in kept
        status = shop.record("v1").status
        assert (status.deleted_at, status.sealed_at) == (None, None)
        assert status.phase is (Phase.CURRENT if "route" in reason else Phase.DRAINING)
        shop.kube.delete(INGRESS, shop.namespace, "admin")
        shop.say_tasks("v1", 0)


class Killed(BaseException):
    """Stands for SIGKILL: no handler of the step sees it."""


def killed() -> None:
    """End here."""
    raise Killed


def test_killed_at_every_line_the_next_run_goes_on(shop: Shop, drained: Release) -> None:
    """Killed five times, each time a little later: every run takes up where the last one ended (A3)."""
    for line in ("seal", "commit", "delete Ingress", "delete Deployment", "delete ConfigMap"):
        kube = Meddling(shop.kube, line, killed)
        with pytest.raises(Killed):
            delete(shop, kube=kube)
        assert kube.happened
    delete(shop)
    assert shop.left_of("v1") == []
    assert shop.record("v1").status.phase is Phase.DELETED
    assert whole(shop, "v2")


def test_killed_after_the_seal_a_task_still_keeps_it(shop: Shop, drained: Release) -> None:
    """The seal alone deletes nothing: the next run asks again, and takes it back."""
    with pytest.raises(Killed):
        delete(shop, kube=Meddling(shop.kube, "commit", killed))
    assert shop.record("v1").status.sealed_at is not None
    shop.say_tasks("v1", 1)
    delete(shop)
    assert whole(shop, "v1")
    assert shop.record("v1").status.phase is Phase.DRAINING


def test_an_object_made_anew_meanwhile_is_not_deleted(shop: Shop, drained: Release) -> None:
    """The uid is a precondition of every deletion."""

    def anew() -> None:
        old = shop.kube.get(DEPLOYMENT, shop.namespace, "worker-v1")
        assert old is not None
        shop.kube.delete(DEPLOYMENT, shop.namespace, "worker-v1")
        meta = {key: old["metadata"][key] for key in ("name", "namespace", "labels")}
        shop.kube.create({**{k: old[k] for k in ("apiVersion", "kind", "spec")}, "metadata": meta})

    with pytest.raises(TemporaryError):
        delete(shop, kube=Meddling(shop.kube, "delete Deployment", anew))
    assert "Deployment worker-v1" in shop.left_of("v1")


def test_two_at_once_come_to_the_same_end(shop: Shop, drained: Release) -> None:
    """Two workflows, or a workflow and a person: one of them deletes, none does harm."""
    assert all(isinstance(problem, TemporaryError) for problem in at_once(lambda: delete(shop)))
    delete(shop)
    assert shop.left_of("v1") == []
    assert whole(shop, "v2")
