"""Rolling against an emulated API server: killed, overtaken and undone anywhere, and nothing live is ever deleted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from emulated import Killed, answer
from rolling_app import BASE, RollingApp, deployment, world_of_rolls

from rainbow.adapters.bake import BakeWatch
from rainbow.adapters.kube import DEPLOYMENT, INGRESS, Object
from rainbow.adapters.lock import read_lease
from rainbow.adapters.proxy import Proxy
from rainbow.adapters.records import note
from rainbow.adapters.rolling import put_rolled
from rainbow.adapters.routes.traces import Trace
from rainbow.decisions.bake import Observation, Reading, Watched
from rainbow.decisions.rolling import ROLLED_TO
from rainbow.errors import PermanentError, RainbowError, Refused
from rainbow.model.migrations import Stage
from rainbow.model.release import Phase, SchemaNote
from steps import deploy

CALLS = range(1, 200)  # more than any run has


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> RollingApp:
    """An app without any release yet."""
    made = RollingApp()
    world_of_rolls(monkeypatch, made)
    return made


def _fresh(shop: RollingApp, *releases: str) -> None:
    """Everything as it was when v1 (and these) had been released; cheaper than to release them again."""
    shop.broken.clear()
    if releases not in shop.kept:
        shop.store.objects = {}
        for name in ("v1", *releases):
            shop.release(name)
        shop.kept[releases] = json.dumps([[list(key), obj] for key, obj in shop.store.objects.items()])
    shop.store.objects = {(k[0], k[1], k[2]): obj for k, obj in json.loads(shop.kept[releases])}


def _killed(shop: RollingApp, step: str, release: str | None, call: int) -> bool:
    """Whether the step came to its n-th request, before which it was killed."""
    requests: list[str] = []

    def called(method: str, path: str) -> None:
        requests.append(f"{method} {path}")
        if len(requests) == call:
            raise Killed

    with contextlib.suppress(Killed, RainbowError):
        shop.run(step, release, called)
    return len(requests) >= call


def _holder(shop: RollingApp) -> str | None:
    lease = read_lease(shop.kube, "spawn", "spawn")
    return lease.holder if lease else None


def test_a_release_is_rolled_over_the_one_before_in_place(shop: RollingApp) -> None:
    """One set of objects with plain names; each says which release it is at, and none bears the label of one."""
    shop.release("v1")
    before = {key: obj["metadata"]["uid"] for key, obj in shop.objects().items()}
    shop.release("v2")
    assert {key: obj["metadata"]["uid"] for key, obj in shop.objects().items()} == before
    assert shop.at == ("v2", True)
    for obj in shop.objects().values():
        assert "rainbow.dev/release" not in (obj["metadata"].get("labels") or {})
    for name in ("web", "mail"):
        found = shop.kube.get(DEPLOYMENT, "spawn", name)
        assert found is not None
        assert found["metadata"]["annotations"][ROLLED_TO] == "v2"
        assert found["spec"]["selector"] == {"matchLabels": {"part": name}}
    assert [shop.record(name).status.phase for name in ("v1", "v2")] == [Phase.DRAINING, Phase.CURRENT]


def test_users_come_to_a_first_release_only_after_its_tests(shop: RollingApp) -> None:
    """The object in front is made by the first switch."""
    shop.submit("v1")
    shop.run("roll", "v1")
    assert shop.kube.get(INGRESS, "spawn", "spawn") is None
    shop.run("run-tests", "v1")
    shop.run("switch", "v1")
    assert shop.kube.get(INGRESS, "spawn", "spawn") is not None


def test_deletion_never_touches_what_the_current_release_uses(shop: RollingApp) -> None:
    """The most dangerous of all: what the releases before had is what the current one has."""
    for name in ("v1", "v2", "v3"):
        shop.release(name)
    shop.submit("v4")
    shop.broken.add("v4")
    with pytest.raises(PermanentError):
        shop.run("roll", "v4")
    shop.clock.sleep(timedelta(days=30).total_seconds())
    before = shop.objects()
    for step in ("wait-for-drain", "delete", "collect-garbage", "collect-garbage"):
        shop.run(step, "v3")
    for name in ("v1", "v2"):
        assert shop.record(name).status.phase is Phase.DELETED
    assert shop.objects() == before
    assert shop.at == ("v3", True)


def test_the_release_before_is_applied_again_by_a_rollback(shop: RollingApp) -> None:
    """From its record, as its objects are those of the one after it; what it rolled back from is marked."""
    shop.release("v1")
    shop.release("v2")
    shop.run("rollback", None)
    assert shop.at == ("v1", True)
    assert shop.record("v1").status.phase is Phase.CURRENT
    assert shop.record("v2").status.rejected is not None
    with pytest.raises(Refused, match="v2 was rolled back from"):
        shop.run("roll", "v2")
    assert shop.at == ("v1", True)


def test_one_that_was_deleted_comes_back_by_a_redeploy(shop: RollingApp) -> None:
    """Its record is all that it takes."""
    shop.release("v1")
    shop.release("v2")
    shop.clock.sleep(3600)
    shop.run("delete", "v2")
    assert shop.record("v1").status.phase is Phase.DELETED
    with pytest.raises(Refused, match="has been deleted"):
        shop.run("roll", "v1")
    shop.run("redeploy", "v1")
    for step in ("roll", "run-tests", "check-compatibility", "switch"):
        shop.run(step, "v1")
    assert shop.at == ("v1", True)


def test_one_that_is_never_ready_is_undone_on_its_deadline(shop: RollingApp) -> None:
    """The message says what was not ready, and where the app is; the record of the one before is as it was."""
    _fresh(shop)
    shop.submit("v2")
    shop.broken.add("v2")
    with pytest.raises(PermanentError) as caught:
        shop.run("roll", "v2")
    assert "Deployment web: 1 of 1 pods updated" in str(caught.value)
    assert "undone: the app is at release v1 again" in str(caught.value)
    assert shop.at == ("v1", True)
    assert shop.record("v1").status.phase is Phase.CURRENT
    assert shop.record("v2").status.phase is Phase.FAILED
    assert _holder(shop) is None


def test_a_first_release_that_is_never_ready_stays_as_it_is(shop: RollingApp) -> None:
    """There is nothing to go back to, and nobody is led to it."""
    shop.submit("v1")
    shop.broken.add("v1")
    with pytest.raises(PermanentError, match="no release before it to go back to"):
        shop.run("roll", "v1")
    assert shop.kube.get(INGRESS, "spawn", "spawn") is None


def test_failing_tests_undo_it(shop: RollingApp) -> None:
    """By the step `undo`; run again there is nothing left to undo, and one that is current is never undone."""
    _fresh(shop)
    shop.submit("v2")
    shop.run("roll", "v2")
    with pytest.raises(PermanentError, match="v2 of spawn was undone, the app is at v1 again"):
        shop.run("undo", "v2")
    assert shop.at == ("v1", True)
    for name, why in (("v2", "the app is not at v2, but at v1"), ("v1", "v1 has become current")):
        with pytest.raises(Refused, match=f"nothing to undo: {why}"):  # a workflow would go on if it ended well
            shop.run("undo", name)
    assert shop.at == ("v1", True)
    for step in ("run-tests", "check-compatibility"):  # as by Retry
        with pytest.raises(PermanentError, match="is not at release v2, but at v1"):
            shop.run(step, "v2")
    assert shop.record("v2").status.phase is Phase.FAILED


def test_a_deployment_that_is_no_part_any_more_runs_on_and_counts_for_nothing(shop: RollingApp) -> None:
    """It is said; whether it may go, a person knows. Gone back to, it is part of the app again."""
    _fresh(shop)
    without = tuple(obj for obj in BASE if obj["metadata"]["name"] != "mail")
    shop.submit("v2", without)
    for step in ("roll", "run-tests", "switch"):
        shop.run(step, "v2")
    assert shop.at == ("v2", True)
    assert shop.kube.get(DEPLOYMENT, "spawn", "mail") is not None
    assert any("Deployment mail is no part of v2 any more" in line for line in shop.said)
    shop.run("rollback", None)
    found = shop.kube.get(DEPLOYMENT, "spawn", "mail")
    assert found is not None
    assert found["metadata"]["annotations"][ROLLED_TO] == "v1"


@pytest.mark.parametrize("labels", [{}, {"rainbow.dev/app": "other"}, {"rainbow.dev/release": "v0"}])
def test_what_is_not_the_apps_own_is_not_taken_over(shop: RollingApp, labels: dict[str, str]) -> None:
    """A Deployment of the same name that somebody else made; the message says how to say that it is the app's."""
    theirs: Object = deployment("web")
    theirs["metadata"] = {"name": "web", "namespace": "spawn", "labels": labels}
    shop.kube.create(theirs)
    shop.submit("v1")
    with pytest.raises(Refused, match="would take over what is not its own"):
        shop.run("roll", "v1")
    found = shop.kube.get(DEPLOYMENT, "spawn", "web")
    assert found is not None
    assert ROLLED_TO not in (found["metadata"].get("annotations") or {})


def test_a_held_app_is_not_rolled(shop: RollingApp) -> None:
    """Nothing reaches users while an operator holds it (B5)."""
    _fresh(shop)
    shop.run("hold", None, reason="stop")
    shop.submit("v2")
    with pytest.raises(Refused, match="is held by"):
        shop.run("roll", "v2")
    assert shop.at == ("v1", True)


def test_nobody_is_rolled_onto_a_schema_that_goes_at_that_moment(shop: RollingApp) -> None:
    """The contract was begun after the roll had looked, and looked before that was noted: one has to give in."""
    migrations = {"image": "books", "needs": {"minimum": 1, "maximum": 2}, "state": ["state"]}
    _fresh(shop)
    shop.submit("v2", migrations=migrations)
    noted: list[str] = []

    def called(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("/spawn-v2/status") and not noted:
            noted.append(path)
            begun = SchemaNote(version=2, at=shop.clock.now(), under_way=Stage.CONTRACT, to=3)
            note(shop.kube, shop.record("v1"), schema_state=begun)

    with pytest.raises(Refused, match="contract to version 3 was begun"):
        shop.run("roll", "v2", called)
    assert noted
    assert shop.at == ("v1", True)


def test_deploy_is_for_releases_that_have_objects_of_their_own(shop: RollingApp) -> None:
    """Called by hand it says which step it is instead, and touches nothing."""
    shop.submit("v1")
    with pytest.raises(Refused, match="run the step roll instead of deploy"):
        shop.run("deploy", "v1")
    assert shop.at is None


def test_where_the_app_is_is_told_by_its_pods(shop: RollingApp) -> None:
    """Somebody runs `kubectl rollout undo`, which changes the template alone: by half it is at neither."""
    _fresh(shop, "v2")
    for name, settled in (("web", False), ("mail", True)):
        pods = {"metadata": {"annotations": {ROLLED_TO: "v1"}}}
        shop.kube.patch(DEPLOYMENT, "spawn", name, {"spec": {"template": pods}, "metadata": {}})
        assert shop.at is not None
        assert shop.at[1] is settled
    assert shop.at == ("v1", True)


def test_one_that_is_rolled_is_not_switched_to(shop: RollingApp) -> None:
    """There is no other set of pods; a person who wants an earlier one rolls back."""
    _fresh(shop, "v2")
    with pytest.raises(Refused, match="is rolled, not switched to: release it anew, or rainbow rollback"):
        shop.run("switch", "v1", allow_older=True)
    assert shop.at == ("v2", True)
    assert shop.record("v1").status.phase is Phase.DRAINING


@pytest.mark.parametrize("first", ["rainbow", "rolling"])
def test_the_strategy_of_an_app_is_for_life(shop: RollingApp, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever came first, the other would take over what lives by other rules: refused, and nothing is touched."""
    monkeypatch.setattr(deploy, "wait_until_ready", lambda *_: None)
    second = "rolling" if first == "rainbow" else "rainbow"
    rolls = {"rainbow": "deploy", "rolling": "roll"}
    shop.submit("v1", strategy=first)
    shop.run(rolls[first], "v1")
    shop.run("run-tests", "v1")
    if first == "rainbow":
        monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(shop.store, host, self.clock))
    shop.run("switch", "v1")
    before = shop.objects()
    shop.submit("v2", strategy=second)
    with pytest.raises(Refused, match=r"objects of its own|adopt it first"):
        shop.run(rolls[second], "v2")
    assert shop.objects() == before


BAKE = {
    "duration": "60s",
    "interval": "5s",
    "traffic": 'requests{release="$release"}',
    "watch": [{"name": "errors", "query": 'errors{release="$release"}', "limit": 0.1}],
}


def test_a_breach_while_it_bakes_rolls_it_back(shop: RollingApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """B4: by the very rollback, with its mark; Retry says the same, and nothing rolls to it again by itself."""
    breach = Observation(Reading(5.0), (Watched(Reading(0.5)),))
    monkeypatch.setattr(BakeWatch, "look", lambda *_: breach)
    shop.config["bake"] = BAKE
    _fresh(shop, "v2")
    for _ in range(2):
        with pytest.raises(PermanentError, match="v2 of spawn was switched back: errors"):
            shop.run("bake", "v2")
        assert shop.at == ("v1", True)
    assert shop.record("v1").status.phase is Phase.CURRENT
    with pytest.raises(Refused, match="was rolled back from by bake"):
        shop.run("roll", "v2")


def test_a_bake_counts_from_the_end_of_the_roll(shop: RollingApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long as its pods need; a short bake would be over when half of the users are still with v1."""
    well = Observation(Reading(5.0), (Watched(Reading(0.0)),))
    monkeypatch.setattr(BakeWatch, "look", lambda *_: well)
    shop.config["bake"] = BAKE
    _fresh(shop, "v2")
    began = shop.clock.now()
    shop.clock.sleep(300)
    note(shop.kube, shop.record("v2"), deployed_at=shop.clock.now())  # as by a roll of five minutes
    shop.run("bake", "v2")
    baked_at = shop.record("v2").status.baked_at
    assert baked_at is not None
    assert baked_at - began >= timedelta(seconds=360)


# --- killed, and overtaken ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True])
def test_killed_anywhere_a_second_run_comes_to_the_same_end(shop: RollingApp, broken: bool) -> None:
    """Rolled, or undone; and never anything in between that lasts."""
    for call in CALLS:
        _fresh(shop)
        shop.submit("v2")
        if broken:
            shop.broken.add("v2")
        came = _killed(shop, "roll", "v2", call)
        with contextlib.suppress(RainbowError):
            shop.run("roll", "v2")
        assert shop.at == ("v1" if broken else "v2", True), call
        assert shop.record("v2").status.phase is (Phase.FAILED if broken else Phase.TESTING), call
        assert shop.record("v1").status.phase is Phase.CURRENT
        if not came:
            break
    assert call > 20


@pytest.mark.slow
@pytest.mark.parametrize("step", ["undo", "rollback"])
def test_going_back_killed_anywhere_is_finished_by_a_second_run(shop: RollingApp, step: str) -> None:
    """By `undo` for one that failed its tests, by `rollback` for one that is current."""
    for call in CALLS:
        if step == "rollback":
            _fresh(shop, "v2")
        else:
            _fresh(shop)
            shop.submit("v2")
            shop.run("roll", "v2")
        wanted = "v2" if step == "undo" else "v1"
        came = _killed(shop, step, wanted, call)
        with contextlib.suppress(RainbowError):
            shop.run(step, wanted)
        assert shop.at == ("v1", True), call
        assert shop.record("v1").status.phase is Phase.CURRENT, call
        if not came:
            break
    assert call > 15


def _paused(shop: RollingApp, step: str, release: str | None, call: int, meanwhile: Callable[[], None]) -> bool:
    """Stop before the n-th request while something else is done; whether it came to that."""
    requests: list[str] = []

    def called(method: str, path: str) -> None:
        requests.append(f"{method} {path}")
        if len(requests) == call:
            meanwhile()

    with contextlib.suppress(RainbowError):
        shop.run(step, release, called)
    return len(requests) >= call


@pytest.mark.slow
def test_who_slept_through_its_lease_never_rolls_over_the_next_one(shop: RollingApp) -> None:
    """Rule 4: v2 sleeps for an hour before any of its requests, and v3 goes live meanwhile."""
    for call in CALLS:
        _fresh(shop)
        shop.submit("v2")

        def newer() -> None:
            shop.clock.sleep(3600)
            shop.release("v3")

        came = _paused(shop, "roll", "v2", call, newer)
        if not came:
            break
        assert shop.at == ("v3", True), call
        with contextlib.suppress(RainbowError):
            shop.run("undo", "v2")
        assert shop.at == ("v3", True), call
        assert shop.record("v3").status.phase is Phase.CURRENT
    assert call > 20


@pytest.mark.slow
def test_a_rollback_wins_over_a_roll_under_way(shop: RollingApp) -> None:
    """Rule 5: it waits for nobody, and what was under way ends as superseded, at any of its requests."""
    for call in CALLS:
        _fresh(shop, "v2")
        shop.submit("v3")
        shop.clock.sleep(5)

        def back() -> None:
            shop.run("rollback", "v1")

        came = _paused(shop, "roll", "v3", call, back)
        if not came:
            break
        with contextlib.suppress(RainbowError):
            shop.run("roll", "v3")
        assert shop.at == ("v1", True), (call, shop.said[-8:])
    assert call > 20


# --- beside releases ----------------------------------------------------------------------------------------


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> RollingApp:
    """The API has objects of its own in each release; `mail`, a stateless helper, is rolled."""
    made = RollingApp(config={"rolling": {"workloads": ["mail"]}})
    world_of_rolls(monkeypatch, made)
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    monkeypatch.setattr(deploy, "wait_until_ready", lambda *_: None)
    return made


def _deployments(shop: RollingApp) -> dict[str, str | None]:
    found = {k[2]: o["metadata"].get("annotations") or {} for k, o in shop.objects().items() if k[0] == "deployments"}
    return {name: annotations.get(ROLLED_TO) for name, annotations in found.items()}


MIXED = ("roll", "deploy", "run-tests", "check-compatibility", "switch")


def _release(shop: RollingApp, name: str, steps: tuple[str, ...] = MIXED) -> None:
    shop.submit(name)
    for step in steps:
        shop.run(step, name)


def test_a_helper_is_rolled_beside_releases_of_their_own(mixed: RollingApp) -> None:
    """Its Service goes with it; the settings that both refer to are there for both."""
    _release(mixed, "v1")
    _release(mixed, "v2")
    assert _deployments(mixed) == {"web-v1": None, "web-v2": None, "mail": "v2"}
    names = {(kind, name) for kind, _, name in mixed.objects()}
    assert {("services", "mail"), ("configmaps", "settings"), ("configmaps", "settings-v2")} <= names
    assert ("services", "mail-v2") not in names
    mixed.run("rollback", "v1")
    assert _deployments(mixed)["mail"] == "v1"
    assert mixed.record("v1").status.phase is Phase.CURRENT


def test_a_helper_goes_back_when_its_release_fails_before_its_switch(mixed: RollingApp) -> None:
    """Whatever failed; the route never moved, so the release that users have gets its helper back."""
    _release(mixed, "v1")
    _release(mixed, "v2", ("roll", "deploy"))
    assert _deployments(mixed)["mail"] == "v2"
    with pytest.raises(PermanentError, match="v2 of spawn was undone, the app is at v1 again"):
        mixed.run("undo", "v2")
    assert _deployments(mixed) == {"web-v1": None, "web-v2": None, "mail": "v1"}
    mixed.broken.add("v3")
    mixed.submit("v3")
    with pytest.raises(PermanentError, match="undone: the app is at release v1 again"):
        mixed.run("roll", "v3")
    assert _deployments(mixed) == {"web-v1": None, "web-v2": None, "mail": "v1"}


def test_what_is_rolled_outlives_the_releases_beside_it(mixed: RollingApp, told: dict[str, object]) -> None:
    """Their own objects go when they are due, and nothing of the helper."""
    for name in ("v1", "v2", "v3"):
        _release(mixed, name)
    mixed.clock.sleep(timedelta(days=30).total_seconds())
    mixed.run("collect-garbage", "v3")
    assert _deployments(mixed) == {"web-v3": None, "mail": "v3"}
    names = {(kind, name) for kind, _, name in mixed.objects()}
    assert {("services", "mail"), ("configmaps", "settings"), ("services", "web-v3")} <= names
    assert told == {}


def test_by_retry_nobody_is_led_to_a_release_whose_helper_was_undone(mixed: RollingApp) -> None:
    """Its own objects are there still, and its tests might pass now: with the helper of the release before."""
    _release(mixed, "v1")
    _release(mixed, "v2", ("roll", "deploy", "run-tests"))
    record = mixed.record("v2")
    note(mixed.kube, record, message="broken off, may do when tried again: no answer")  # by the step that failed
    with pytest.raises(PermanentError, match="v2 of spawn was undone"):
        mixed.run("undo", "v2")
    assert mixed.record("v2").status.phase is Phase.FAILED
    with pytest.raises(Refused, match=r"release v2 failed: .*was undone"):
        mixed.run("switch", "v2")
    for step in ("run-tests", "check-compatibility"):
        with pytest.raises(PermanentError, match="mail in namespace spawn is not at release v2, but at v1"):
            mixed.run(step, "v2")
    assert mixed.record("v2").status.phase is Phase.FAILED
    assert _deployments(mixed)["mail"] == "v1"


@pytest.mark.parametrize("wanted", [None, 2])
def test_a_count_that_is_left_out_ends_no_pods(
    shop: RollingApp, wanted: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `rainbow lint` advises beside an autoscaler: the API server would make one pod of all that there are."""
    shop.release("v1")
    live = shop.kube.patch(DEPLOYMENT, "spawn", "web", {"spec": {"replicas": 9}})
    sent: list[Object] = []
    monkeypatch.setattr(shop.kube, "apply", sent.append)
    spec = deployment("web")["spec"] | ({} if wanted is None else {"replicas": wanted})
    obj = {key: live[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": "web", "namespace": "spawn"}}
    put_rolled(shop.kube, "spawn", obj | {"spec": spec}, Trace(shop.clock.now(), "v1", 9, None), 9)
    assert [each["spec"]["replicas"] for each in sent] == [wanted or 9]
