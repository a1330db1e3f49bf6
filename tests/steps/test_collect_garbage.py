"""`collect-garbage` with an emulated API server: everything that is due goes, nothing else, whenever it is killed."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from emulated import START, Emulated, Killed, Store
from shops import BUSY, CURRENT, DRAINED, FAILED, HOUR, IDLE, UNKNOWN, Shops, looks

from rainbow.adapters.kube import CONFIG_MAP, DEPLOYMENT, POD, RELEASE, SERVICE, Forbidden, Object
from rainbow.adapters.records import list_records, note
from rainbow.decisions.bus import Consumer
from rainbow.decisions.switch import SWITCHING
from rainbow.errors import BadInput, PermanentError, TemporaryError
from rainbow.model.names import release_labels
from rainbow.model.release import Phase
from steps import collect_garbage, leftovers, removal

HOLD = {"reason": "an audit", "by": "ann", "at": START}


@pytest.fixture
def shops(told: dict[str, Any]) -> Shops:
    """v9 of spawn is current."""
    shops = Shops()
    shops.release("v9", **CURRENT)
    shops.point("v9")
    return shops


def collect(shops: Shops, kube: Emulated | None = None, **params: Any) -> None:
    """Run the step."""
    given = collect_garbage.Params.model_validate({"namespace": "spawn"} | params)
    collect_garbage.run(given, shops.world(kube))


# --- one pass -----------------------------------------------------------------------------------------------


def test_all_apps_of_the_namespace_are_collected(shops: Shops, told: dict[str, Any]) -> None:
    """Each by its own route and policy; what is kept says why, with its app."""
    shops.release("v1", **DRAINED)
    shops.release("m9", app="mail", **CURRENT)
    shops.point("m9", app="mail")
    shops.release("m1", app="mail", **DRAINED)
    shops.release("m2", app="mail", **DRAINED)
    told["m2"] = BUSY
    collect(shops)
    assert [shops.works("v9"), shops.works("v1")] == [True, False]
    assert [shops.works(name, "mail") for name in ("m9", "m1", "m2")] == [True, False, True]
    assert "spawn/mail m2: keep: 1 active task" in shops.said
    assert "deleted: spawn/mail-m1,spawn/spawn-v1" in shops.said


def lists(shops: Shops) -> list[str]:
    """The collections that are listed during one pass."""
    found: list[str] = []

    def called(method: str, path: str) -> None:
        if method == "GET" and path.partition("/namespaces/")[2].count("/") == 1:
            found.append(path)

    collect(shops, Emulated(None, attempts=1, store=shops.store, called=called))
    return found


@pytest.mark.parametrize("due", [False, True])
def test_it_lists_as_often_for_many_releases_as_for_few(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], *, due: bool
) -> None:
    """And for many apps: whether something is deleted or not (P4)."""
    counts = []
    for apps, releases in ((1, 2), (3, 20)):
        shops = Shops()
        for app in ("spawn", "mail", "bank")[:apps]:
            shops.release("live", app=app, **CURRENT)
            shops.point("live", app=app)
            for number in range(releases):
                shops.release(f"v{number}", app=app, **DRAINED)
                told[f"v{number}"] = IDLE if due else BUSY
        found = lists(shops)
        assert sorted(found) == sorted([*set(found)] * (2 if due else 1))
        counts.append(len(found))
        assert all(shops.works(f"v{n}") is not due for n in range(releases))
    assert counts[0] == counts[1]


def test_several_namespaces_in_one_pass(shops: Shops) -> None:
    """Given by name; no other is looked at."""
    for namespace in ("east", "west"):
        config = shops.config("spawn", namespace=namespace)
        shops.release("v9", config=config, **CURRENT)
        shops.point("v9", namespace=namespace)
        shops.release("v1", config=config, **DRAINED)
    shops.release("v1", **DRAINED)
    collect(shops, namespaces="east,spawn")
    assert not shops.works("v1", namespace="east")
    assert not shops.works("v1")
    assert shops.works("v1", namespace="west")


def test_a_namespace_that_cannot_be_one_is_bad_input() -> None:
    """Exit code 2, nothing was asked."""
    from rainbow.cli.step import checked

    with pytest.raises(BadInput, match="cannot be a namespace"):
        checked("collect-garbage", {"namespace": "spawn", "namespaces": "east,No Such"})


def test_dry_run_says_the_plan_and_changes_nothing(shops: Shops) -> None:
    """B3: every release with what becomes of it and why."""
    shops.release("v1", **DRAINED)
    shops.release("v2", hold=HOLD, **DRAINED)
    version = shops.store.version
    collect(shops, dry_run=True)
    assert shops.store.version == version
    assert [line.split(": ")[:2] for line in sorted(shops.said)] == [
        ["spawn/spawn v1", "delete"],
        ["spawn/spawn v2", "keep"],
        ["spawn/spawn v9", "keep"],
    ]


def test_what_is_kept_is_noted_once(shops: Shops) -> None:
    """In words that last: the time left would be written at each collection, and tell an event each time."""
    shops.release("v1", **DRAINED | {"demoted_at": START + HOUR - timedelta(minutes=5)})
    shops.release("v2", hold=HOLD, **DRAINED)
    collect(shops)
    assert any(line.startswith("spawn/spawn v1: keep: younger than 10m since its demotion: ") for line in shops.said)
    assert shops.record("v1").status.blocker == "younger than the minimum age"
    version = shops.store.version
    collect(shops)
    assert shops.store.version == version


# --- one's trouble is not the others' -----------------------------------------------------------------------


def test_an_app_that_cannot_be_read_stops_no_other(shops: Shops) -> None:
    """Its route leads to a Service that is not there; all of it is kept, and the step says so with exit code 1."""
    shops.release("v1", **DRAINED)
    shops.release("m1", app="mail", **DRAINED)
    shops.point("nobody", app="mail")
    with pytest.raises(PermanentError, match="there is no Service spawn/mail-web-nobody"):
        collect(shops)
    assert not shops.works("v1")
    assert shops.works("m1", "mail")


def test_a_namespace_that_is_closed_stops_no_other(shops: Shops) -> None:
    """No right to list anything there: it is said, and the others are collected."""

    class Closed(Emulated):
        def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
            if "/namespaces/east/" in path:
                raise Forbidden("no right in east")
            return super()._once(method, path, query, body, content_type)

    shops.release("v1", **DRAINED)
    with pytest.raises(PermanentError, match="no right in east"):
        collect(shops, Closed(None, attempts=1, store=shops.store), namespaces="east,spawn")
    assert not shops.works("v1")


def test_a_policy_that_cannot_be_read_keeps_its_app(shops: Shops) -> None:
    """It may be what would keep the release."""
    shops.release("v1", **DRAINED)
    meta = {"name": "spawn", "namespace": "spawn"}
    policy = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": meta, "spec": {"retention": "no"}}
    shops.kube.create(policy)
    with pytest.raises(PermanentError, match="Policy spawn/spawn is malformed"):
        collect(shops)
    assert shops.works("v1")


def test_a_policy_that_does_not_fit_is_wrong_input_and_stops_no_other(shops: Shops) -> None:
    """Exit 2, as everywhere; with anything else in the way it is 1, which no change of a policy mends."""
    for name, app in (("v1", "spawn"), ("m1", "mail")):
        shops.release(name, app, **DRAINED)
    shops.release("m9", "mail", **CURRENT)
    shops.point("m9", app="mail")
    meta, spec = {"name": "spawn", "namespace": "spawn"}, {"retention": {"keep": "many"}}
    shops.kube.create({"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": meta, "spec": spec})
    with pytest.raises(BadInput, match=r"Policy spawn/spawn does not fit release v9: .* rainbow policy set"):
        collect(shops)
    assert [shops.works("v1"), shops.works("m1", "mail")] == [True, False]
    shops.release("p1", "post", **DRAINED)
    shops.point("nobody", app="post")
    with pytest.raises(PermanentError) as caught:
        collect(shops)
    assert caught.value.exit_code == 1


def test_the_policy_in_force_is_what_counts(shops: Shops) -> None:
    """Changed after the release was made; the record keeps what it brought along."""
    shops.release("v1", **DRAINED)
    shops.release("v2", **DRAINED)
    meta, spec = {"name": "spawn", "namespace": "spawn"}, {"retention": {"keep": 1}}
    shops.kube.create({"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": meta, "spec": spec})
    collect(shops)
    assert [shops.works(name) for name in ("v1", "v2")] == [False, True]
    assert shops.record("v2").status.blocker == "kept to be rolled back to: among the newest 1 (retention.keep)"
    assert shops.record("v2").spec.app.retention.keep == 0


def test_what_somebody_else_wrote_meanwhile_is_left_for_the_next_time(shops: Shops) -> None:
    """Exit code 75; the others are collected."""
    shops.release("v1", **DRAINED)
    shops.release("v2", **DRAINED)

    def switch_begins(when: str) -> None:
        if when == "before" and not kube.dead:
            kube.around = lambda _when: None
            note(shops.kube, shops.record("v1"), traffic=SWITCHING)

    kube = Emulated(None, attempts=1, store=shops.store, around=switch_begins)
    with pytest.raises(TemporaryError, match="spawn-v1: changed meanwhile"):
        collect(shops, kube)
    assert [shops.works("v1"), shops.open("v1"), shops.works("v2")] == [True, True, False]


# --- the seal -----------------------------------------------------------------------------------------------


def test_work_that_begins_in_the_last_moment_is_found(shops: Shops, told: dict[str, Any]) -> None:
    """Seen only after the last way in was closed: everything is as it was, and the release drains."""
    shops.release("v1", **DRAINED | {"drained_at": START})
    told["v1"] = lambda: IDLE if shops.open("v1") else BUSY
    collect(shops)
    assert shops.works("v1")
    assert shops.open("v1")
    status = shops.record("v1").status
    assert (status.phase, status.sealed_at, status.drained_at) == (Phase.DRAINING, None, None)
    assert status.blocker == "1 active task"
    assert "spawn/spawn v1: kept after all: 1 active task" in shops.said


@pytest.mark.parametrize("after", [UNKNOWN, BUSY])
def test_a_release_that_was_sealed_and_killed_then_is_opened_again(
    shops: Shops, told: dict[str, Any], after: Any
) -> None:
    """By whoever comes next, when it is not to go any more."""
    shops.release("v1", **DRAINED)
    kube = Emulated(None, attempts=1, store=shops.store)
    kube.called = lambda method, _path: _kill() if method == "GET" and not shops.open("v1") else None
    with pytest.raises(Killed):
        collect(shops, kube)
    assert shops.works("v1")
    assert not shops.open("v1")
    told["v1"] = after
    collect(shops)
    assert shops.open("v1")
    assert shops.record("v1").status.sealed_at is None


def _kill() -> None:
    raise Killed


# --- killed, and raced --------------------------------------------------------------------------------------


def stage(shops: Shops, told: dict[str, Any]) -> None:
    """Everything there can be, in two apps."""
    shops.release("v1", **DRAINED)
    shops.release("v2", **DRAINED)
    told["v2"] = BUSY
    shops.release("v3", hold=HOLD, **DRAINED)
    shops.release("v4", **FAILED)
    shops.release("m9", app="mail", **CURRENT)
    shops.point("m9", app="mail")
    shops.release("m1", app="mail", **DRAINED)
    shops.objects("lost")


KEPT = [("v9", "spawn"), ("v2", "spawn"), ("v3", "spawn"), ("m9", "mail")]
GONE = [("v1", "spawn"), ("v4", "spawn"), ("m1", "mail"), ("lost", "spawn")]


@pytest.mark.slow
def test_killed_between_any_two_writes_the_next_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each kill nothing live is harmed, and after the next run everything due is gone (A3, A4)."""
    fatal, alive = 0, True
    while alive:
        fatal += 1
        told: dict[str, Any] = {}
        looks(monkeypatch, told)
        shops = Shops()
        shops.release("v9", **CURRENT)
        shops.point("v9")
        stage(shops, told)
        count = 0

        def around(_when: str, fatal: int = fatal) -> None:
            nonlocal count
            count += 1
            if count == fatal:
                raise Killed

        try:
            collect(shops, Emulated(None, attempts=1, store=shops.store, around=around))
            alive = False
        except Killed:
            pass
        assert all(shops.works(name, app) for name, app in KEPT)
        collect(shops)
        assert all(shops.works(name, app) for name, app in KEPT)
        assert all(shops.open(name, app) for name, app in KEPT)
        assert not any(shops.works(name, app) for name, app in GONE)
        assert shops.record("v1").status.phase is Phase.DELETED
    assert fatal > 40


def test_a_switch_that_begins_at_any_write_wins_or_is_refused(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark of a switch, written before any write of the collection: then nothing of the release goes."""
    at, marked = 0, True
    while marked:
        at, marked, count = at + 1, False, 0
        told: dict[str, Any] = {}
        looks(monkeypatch, told)
        shops = Shops()
        shops.release("v9", **CURRENT)
        shops.point("v9")
        shops.release("v1", **DRAINED)

        def around(when: str, at: int = at, shops: Shops = shops) -> None:
            nonlocal count, marked
            count += when == "before"
            if count == at and not marked:
                marked = True
                status = shops.record("v1").status
                if status.phase is not Phase.DELETED:  # as `switch` would see it, and refuse
                    note(shops.kube, shops.record("v1"), traffic=SWITCHING)

        with suppress(TemporaryError):
            collect(shops, Emulated(None, attempts=1, store=shops.store, around=around))
        record = shops.record("v1")
        assert shops.works("v1") is (record.status.traffic == SWITCHING)
        assert (record.status.phase is Phase.DELETED) is not shops.works("v1")
    assert at > 5


# --- what others left behind --------------------------------------------------------------------------------


def noted(shops: Shops, name: str, ago: timedelta) -> None:
    """Its record was last written so long ago, by the API server's clock."""
    entry = {"manager": "rainbow", "subresource": "status", "time": (START + HOUR - ago).isoformat()}
    shops.store.objects["releases", "spawn", f"spawn-{name}"]["metadata"]["managedFields"] = [entry]


@pytest.mark.parametrize(("hours", "healed"), [(0.5, False), (2, True)])
def test_a_switch_that_was_cut_short_leaves_nothing_for_ever(shops: Shops, *, hours: float, healed: bool) -> None:
    """The record of the one before says Current still: long after the switch it is noted, and its age begins."""
    shops.release("v1", **CURRENT | {"live_at": START - 3 * HOUR})
    noted(shops, "v1", hours * HOUR)
    collect(shops)
    status = shops.record("v1").status
    assert (status.phase, status.traffic) == ((Phase.DRAINING, "-") if healed else (Phase.CURRENT, "100%"))
    assert (status.demoted_at is not None) is healed
    assert shops.works("v1")


def test_nothing_is_noted_while_a_switch_is_under_way(shops: Shops) -> None:
    """It waits for the proxy's answers from the new one, and the old one's users are still there."""
    shops.release("v1", **CURRENT)
    noted(shops, "v1", 9 * HOUR)
    note(shops.kube, shops.record("v9"), traffic=SWITCHING)
    noted(shops, "v9", HOUR / 60)
    collect(shops)
    assert shops.record("v1").status.traffic == "100%"


def on_bus(shops: Shops, monkeypatch: pytest.MonkeyPatch, *consumers: str) -> list[tuple[str, list[str]]]:
    """v9 has a consumer on the bus, and so have these releases. Returns what is removed, and who was there then."""
    removed: list[tuple[str, list[str]]] = []
    found = tuple(Consumer(f"workers-{name}", 0, 0, 0, START, acknowledges=True) for name in ("v9", *consumers))

    def remove(
        _app: object, release: str, others: list[str], _url: object, *, given_up: bool = False
    ) -> dict[str, str]:
        removed.append((f"{release} with its work" if given_up else release, sorted(others)))
        return {}

    monkeypatch.setattr(leftovers, "consumers_of", lambda _app, url: found)
    monkeypatch.setattr(leftovers, "remove_from_bus", remove)
    monkeypatch.setattr(removal, "remove_from_bus", remove)
    drain = shops.store.objects["releases", "spawn", "spawn-v9"]["spec"]["app"]["drain"]
    drain["jetstream"] = {"url": "nats://nats", "stream": "tasks", "consumers": "workers-$release"}
    return removed


def test_consumers_of_releases_that_are_gone_are_removed(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the release itself, and those that were left by any before; never those of one that is there."""
    shops.release("v1", **DRAINED)
    shops.release("v2", hold=HOLD, **DRAINED)
    shops.objects("kept")
    removed = on_bus(shops, monkeypatch, "v1", "v2", "kept", "v0")
    note(shops.kube, shops.record("v9"), hold=HOLD)
    young = shops.store.objects["deployments", "spawn", "work-kept"]["metadata"]
    young["creationTimestamp"] = (START + HOUR).isoformat()
    collect(shops)
    assert ("v1", ["kept", "v2", "v9"]) in removed
    assert ("v0", ["kept", "v2", "v9"]) in removed
    assert {name for name, _ in removed} == {"v0", "v1"}


def test_the_work_of_what_was_deleted_as_overdue_goes_with_its_last_pod(
    shops: Shops, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody will ever do it, and the consumer would stay for ever; until then the pods may still acknowledge (B7)."""
    retention = {"minimumAge": "10m", "maximumDrainAge": "30m", "overdue": "delete"}
    shops.release("v1", config=shops.config("spawn", retention=retention), **DRAINED)
    note(shops.kube, shops.record("v1"), phase=Phase.DRAINING, drained_at=None)
    told["v1"] = BUSY
    removed = on_bus(shops, monkeypatch, "v1", "v0")
    meta = {"name": "work-v1-x", "namespace": "spawn", "labels": release_labels("spawn", "v1")}
    shops.kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}})
    collect(shops)
    assert not shops.works("v1")
    assert {name for name, _ in removed} == {"v0", "v1"}
    shops.kube.delete(POD, "spawn", "work-v1-x")
    removed.clear()
    collect(shops)
    assert {name for name, _ in removed} == {"v0", "v1 with its work"}


# --- orphans, history ---------------------------------------------------------------------------------------


def test_objects_without_a_record_go_when_they_are_idle(shops: Shops, told: dict[str, Any]) -> None:
    """Of an app that is there, asked with its own query; busy or unknown they stay."""
    for name in ("idle", "busy", "unknown", "sources"):
        shops.objects(name)
    told |= {"busy": BUSY, "unknown": UNKNOWN}
    collect(shops)
    assert [shops.works(name) for name in ("idle", "busy", "unknown")] == [False, True, True]
    assert shops.kube.get(SERVICE, "spawn", "web-idle") is None
    assert "spawn/spawn busy: keep: it has no record, but 1 active task" in shops.said


def test_what_is_current_and_lost_its_record_is_kept(shops: Shops) -> None:
    """An administrator removed the record of the release that users are on."""
    shops.kube.delete(RELEASE, "spawn", "spawn-v9")
    shops.release("v1", **DRAINED)
    collect(shops)
    assert shops.works("v9")
    assert any("v9: keep: it has no record, but the route points at it" in line for line in shops.said)


def test_an_app_without_any_record_keeps_what_may_work(shops: Shops) -> None:
    """Nobody knows how to ask about its tasks; a ConfigMap that was left behind goes."""
    shops.objects("x1", app="gone")
    old = (START - HOUR).isoformat()
    meta = {"name": "left", "namespace": "spawn", "labels": release_labels("gone", "x2"), "creationTimestamp": old}
    shops.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}})
    collect(shops)
    assert shops.works("x1", "gone")
    assert shops.kube.get(CONFIG_MAP, "spawn", "left") is None


def test_young_ones_stay(shops: Shops) -> None:
    """Their record may be about to be written."""
    meta = {
        "name": "left",
        "namespace": "spawn",
        "labels": release_labels("spawn", "x2"),
        "creationTimestamp": (START + HOUR - timedelta(minutes=5)).isoformat(),
    }
    shops.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}})
    collect(shops)
    assert shops.kube.get(CONFIG_MAP, "spawn", "left") is not None


def test_a_record_that_appears_before_the_objects_go_keeps_them(shops: Shops) -> None:
    """Somebody releases under that id again at this moment."""
    shops.objects("lost")

    class Late(Emulated):
        def get(self, kind: Any, namespace: str | None, name: str) -> Object | None:
            if kind == RELEASE and name == "spawn-lost":
                return {"metadata": {"name": name}}
            return super().get(kind, namespace, name)

    collect(shops, Late(None, attempts=1, store=shops.store))
    assert shops.works("lost")


def test_old_records_go_and_the_newest_stay(shops: Shops) -> None:
    """As many as retention.history says, on condition that nobody wrote them since."""
    config = shops.config("spawn", retention={"history": 2})
    for number in range(4):
        at = START - (9 - number) * HOUR
        shops.release(f"d{number}", config=config, phase=Phase.DELETED, deleted_at=at, live_at=at)
        shops.kube.delete(DEPLOYMENT, "spawn", f"work-d{number}")
    note(shops.kube, shops.record("v9"), phase=Phase.CURRENT)
    shops.store.objects["releases", "spawn", "spawn-v9"]["spec"]["app"]["retention"]["history"] = 2
    collect(shops)  # completes the deletions
    collect(shops)
    assert sorted(r.id for r in list_records(shops.kube, "spawn", "spawn")[0]) == ["d2", "d3", "v9"]


def test_without_the_right_to_list_something_nothing_is_guessed(shops: Shops) -> None:
    """What every release has cannot be seen: that app is kept."""

    class Limited(Emulated):
        def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
            if path.endswith("/deployments"):
                raise Forbidden("no right")
            return super()._once(method, path, query, body, content_type)

    shops.release("v1", **DRAINED)
    with pytest.raises(PermanentError, match="no right"):
        collect(shops, Limited(None, attempts=1, store=shops.store))
    assert shops.works("v1")


def test_stores_are_what_they_seem() -> None:
    """The stage itself: everything that is to go is there to begin with."""
    shops = Shops(Emulated(None, attempts=1, store=Store()))
    shops.release("v1", **DRAINED)
    assert shops.works("v1")
    assert shops.open("v1")
