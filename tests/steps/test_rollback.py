"""`rollback` against an emulated API server: it wins over whatever is under way, and stays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from emulated import Emulated, Killed, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from three_releases import Shop, at, kill

from rainbow.adapters.proxy import Proxy
from rainbow.errors import BadInput, Refused, TemporaryError
from rainbow.model.names import release_labels
from rainbow.model.release import Phase
from steps import rollback

WRITES = range(1, 18)  # more than any run has


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The app behind a proxy that knows each route at once."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    made.start()
    return made


def _tolerant(what: Callable[[], None]) -> None:
    # All three are honest ends of a run; what they leave behind is what is tested.
    with contextlib.suppress(Killed, Refused, TemporaryError):
        what()


def test_back_to_the_one_before_and_what_was_rolled_back_from_is_marked(shop: Shop) -> None:
    """S10, B5: the earlier release is Current again, with nothing left of its end; who and why is on the record."""
    shop.switch("v2")
    shop.note("v1", phase=Phase.DRAINED, drained_at=shop.clock.now(), sealed_at=shop.clock.now())
    shop.rollback(reason="errors")
    back, rejected = shop.record("v1").status, shop.record("v2").status
    assert shop.current == "v1"
    assert (back.phase, back.traffic) == (Phase.CURRENT, "100%")
    assert (back.demoted_at, back.drained_at, back.sealed_at) == (None, None, None)
    assert rejected.rejected is not None
    assert (rejected.rejected.reason, rejected.rejected.by) == ("errors", "ada")
    assert (rejected.phase, rejected.traffic) == (Phase.DRAINING, "-")
    shop.settled()


def test_twice_leads_one_further_back(shop: Shop) -> None:
    """What was rolled back from is no place to go back to, but by name and on purpose."""
    shop.switch("v2")
    shop.switch("v3")
    shop.rollback()
    assert shop.current == "v2"
    shop.rollback()
    assert shop.current == "v1"
    with pytest.raises(Refused, match="no earlier release"):
        shop.rollback()
    with pytest.raises(Refused, match="was itself rolled back from by ada"):
        shop.rollback("v3")
    shop.rollback("v3", allow_rejected=True)
    assert shop.current == "v3"
    assert shop.record("v3").status.rejected is None, "a person has promoted it again"
    assert shop.record("v1").status.rejected is not None
    shop.settled()


def test_to_the_current_one_is_nothing(shop: Shop) -> None:
    """Run again after it was done: no release is marked for it."""
    shop.switch("v2")
    shop.rollback("v1")
    before = [shop.record(name).status for name in ("v1", "v2", "v3")]
    shop.rollback("v1")
    assert [shop.record(name).status for name in ("v1", "v2", "v3")] == before
    assert before[0].rejected is None


@pytest.mark.parametrize("name", ["v2", "v3"])
def test_to_one_that_never_carried_traffic_is_refused(shop: Shop, name: str) -> None:
    """That would be a promotion."""
    with pytest.raises(Refused, match="never carried traffic"):
        shop.rollback(name)


def test_an_unknown_release_is_bad_input_that_names_those_there_are(shop: Shop) -> None:
    """Nothing is changed."""
    with pytest.raises(BadInput, match="there are: v1, v2, v3"):
        shop.rollback("v9")


def test_to_a_deleted_one_is_refused_with_the_way_to_have_it_again(shop: Shop) -> None:
    """S11."""
    shop.switch("v2")
    shop.note("v1", phase=Phase.DELETED, deleted_at=shop.clock.now())
    with pytest.raises(Refused, match="rainbow redeploy -n shops shop v1"):
        shop.rollback("v1")
    with pytest.raises(Refused, match=r"no earlier release .* deleted \(v1\): rainbow redeploy"):
        shop.rollback()


def test_a_dry_run_names_both_releases_and_writes_nothing(shop: Shop) -> None:
    """B3."""
    shop.switch("v2")
    version = shop.store.version
    shop.rollback(dry_run=True)
    assert "rollback of shop would switch: point the route at v1 instead of v2" in shop.said[-1]
    assert shop.store.version == version


def test_only_from_the_release_that_was_meant(shop: Shop) -> None:
    """A bake that breaks after a newer release has come leaves that one alone."""
    shop.switch("v2")
    shop.switch("v3")
    shop.rollback(from_release="v2")
    assert shop.current == "v3"
    shop.rollback(from_release="v3")
    assert shop.current == "v2"


def test_asked_for_long_ago_it_does_not_undo_what_came_since(shop: Shop) -> None:
    """Retry on an old workflow of a rollback that failed, when a newer release has been live for hours."""
    shop.switch("v2")
    asked = shop.clock.now()
    shop.clock.sleep(60)
    shop.switch("v3")
    shop.clock.sleep(3600)
    with pytest.raises(Refused, match="ask again"):
        shop.rollback("v1", asked_at=asked)
    assert shop.current == "v3"
    shop.rollback("v1", asked_at=shop.clock.now() - timedelta(seconds=5))
    assert shop.current == "v1"


def test_a_release_that_does_not_answer_gets_no_users_and_nobody_is_marked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pods may be gone. Who is current stays so, and can be released from as before."""
    shop.switch("v2")
    with monkeypatch.context() as patched:
        patched.setattr(Proxy, "ask", lambda self, host, _path: answer(shop.store, "nowhere", self.clock))
        with pytest.raises(TemporaryError, match="does not answer from release v1"):
            shop.rollback()
    assert shop.current == "v2"
    assert shop.record("v2").status.rejected is None
    shop.switch("v3")
    shop.settled()


def test_while_the_app_is_held_nothing_moves_but_by_a_rollback_on_purpose(shop: Shop) -> None:
    """B5: neither a release nor a person's switch; the lock is free, and nobody's record has changed."""
    shop.switch("v2")
    hold = {"reason": "moving the database", "by": "bob", "at": "2026-05-04T12:00:00Z"}
    head = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy"}
    shop.world().kube.create(head | {"metadata": {"name": "shop", "namespace": "shops"}, "spec": {"hold": hold}})
    version = shop.store.version
    for attempt in (
        lambda: shop.switch("v3", run="three"),
        lambda: shop.switch("v1", allow_older=True),
        shop.rollback,
    ):
        with pytest.raises(Refused, match=r"app shop is held by bob since .*: moving the database"):
            attempt()
    assert shop.store.version == version
    shop.rollback(despite_hold=True)
    assert shop.current == "v1"
    shop.settled()


def test_what_had_shrunk_is_whole_again_before_its_users_come_back(shop: Shop) -> None:
    """B8: the pods that a draining release gave up are asked for and ready first; only then the route moves."""
    shop.drain = {"shrink": {"query": "$release", "workloads": ["web"]}}
    shop.start()
    key = ("deployments", "shops", "web-v1")
    meta = {"name": "web-v1", "namespace": "shops", "labels": release_labels("shop", "v1")}
    meta |= {"annotations": {"rainbow.dev/replicas": "3"}, "generation": 1}
    pod = {"metadata": {"labels": {}}, "spec": {}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta}
    shop.world().kube.create(deployment | {"spec": {"replicas": 1, "template": pod}, "status": {}})
    shop.switch("v2")
    looks: list[tuple[int, str]] = []

    def controller(method: str, path: str) -> None:
        """Ready at the third look; nobody has users there before."""
        if method == "GET" and path.endswith("/deployments"):
            found = shop.store.objects[key]
            looks.append((found["spec"]["replicas"], shop.current))
            ready = 3 if len(looks) > 2 else 1
            counts = dict.fromkeys(("updatedReplicas", "readyReplicas", "availableReplicas"), ready)
            shop.store.put(key, found | {"status": {"observedGeneration": 1, **counts}})

    kube = Emulated(None, store=shop.store, called=controller)
    params = rollback.Params(namespace="shops", app="shop", by="ada")
    rollback.run(params, replace(shop.world(), kube=kube))
    assert looks[:3] == [(3, "v2")] * 3
    assert shop.current == "v1"
    assert "rainbow.dev/replicas" not in shop.store.objects[key]["metadata"]["annotations"]
    shop.settled()


def _asleep_once_marked(shop: Shop) -> Callable[[str], None]:
    """The machine sleeps for five minutes between the mark and the patch; its Lease runs out."""
    slept: list[str] = []

    def around(when: str) -> None:
        if when == "after" and not slept and shop.record("v2").status.rejected is not None:
            slept.append(when)
            shop.clock.sleep(300)

    return around


def test_who_lost_the_lock_before_the_move_takes_the_mark_back(shop: Shop) -> None:
    """By hand nobody runs it again: the current release is rejected by nobody, and v3, begun before, goes live."""
    shop.switch("v2")
    with pytest.raises(TemporaryError, match="lock of app shop is lost"):
        shop.rollback("v1", _asleep_once_marked(shop))
    assert shop.current == "v2"
    assert shop.record("v2").status.rejected is None
    shop.switch("v3", run="three")
    shop.settled()


def test_a_mark_that_a_killed_rollback_left_on_the_current_release_is_ended_by_a_persons_word(shop: Shop) -> None:
    """`switch --allow-older` to what is current already moves nothing, but says that it is wanted."""
    shop.switch("v2")
    mark = {"reason": "errors", "by": "ada", "at": shop.clock.now()}
    shop.note("v2", rejected=mark)
    shop.switch("v2", run="two")
    assert shop.record("v2").status.rejected is not None, "Retry is nobody's word"
    shop.clock.sleep(5)
    shop.switch("v2", allow_older=True)
    assert shop.record("v2").status.rejected is None
    shop.switch("v3", run="three")
    assert shop.current == "v3"
    shop.settled()


@pytest.mark.slow
def test_killed_before_any_write_and_run_again_it_is_done_and_no_retry_undoes_it(shop: Shop) -> None:
    """A3, rule 5: v2's own workflow and v3's, which was under way, are both refused afterwards."""
    for write in WRITES:
        shop.start()
        shop.switch("v2", run="two")
        _tolerant(lambda write=write: shop.rollback("v1", at(write, "before", kill)))  # type: ignore[misc]
        shop.rollback("v1")
        for name in ("v2", "v3"):
            with pytest.raises(Refused, match="rolled back from by ada"):
                shop.switch(name, run=name)
        assert (shop.current, shop.live) == ("v1", {"v1", "v2"})
        assert shop.record("v2").status.rejected is not None
        assert shop.record("v3").status.phase is Phase.FAILED
        shop.settled()


@pytest.mark.slow
def test_without_a_name_a_second_try_goes_no_further_back(shop: Shop) -> None:
    """Killed after the route moved, the same workflow begins again: it asks for the same thing, not for one more."""
    for write in WRITES:
        shop.start()
        shop.switch("v2")
        shop.switch("v3")
        shop.clock.sleep(60)
        asked = shop.clock.now()
        _tolerant(lambda write=write, asked=asked: shop.rollback(None, at(write, "before", kill), asked_at=asked))  # type: ignore[misc]
        shop.rollback(asked_at=asked)
        assert shop.current == "v2"
        assert shop.record("v2").status.rejected is None
        shop.settled()


def test_without_a_name_it_is_not_done_to_a_release_that_came_since(shop: Shop) -> None:
    """Asked for while v2 was current; by the time that its pod runs v3 is, and v2 is no place to go back to."""
    shop.switch("v2")
    asked = shop.clock.now()
    shop.clock.sleep(2)
    shop.switch("v3")
    with pytest.raises(Refused, match=r"switched to v3 at .*ask again"):
        shop.rollback(asked_at=asked)
    shop.rollback("v1", asked_at=asked)
    assert shop.current == "v1"


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_release_under_way_is_overtaken_wherever_it_is(shop: Shop, when: str) -> None:
    """The rollback waits for nobody: at whichever write of v3's switch it comes, v1 is current, and stays."""
    came = 0
    for write in WRITES:
        shop.start()
        shop.switch("v2", run="two")
        done: list[str] = []

        def person(done: list[str] = done) -> None:
            shop.rollback("v1")
            done.append(shop.current)

        _tolerant(lambda write=write, person=person: shop.switch("v3", at(write, when, person), run="three"))  # type: ignore[misc]
        for name in ("v3", "v2"):
            _tolerant(lambda name=name: shop.switch(name, run=name))  # type: ignore[misc]
        assert shop.current == ("v1" if done else "v3")
        shop.settled()
        came += len(done)
    assert came >= 8, "at most of its writes it can come"


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    write=st.integers(1, 24),
    when=st.sampled_from(["before", "after"]),
    other=st.sampled_from(["v1", "v2"]),
    retry=st.permutations(["v1", "v2", "v3"]),
)
def test_two_rollbacks_at_once_leave_one_of_them_done(
    shop: Shop, write: int, when: str, other: str, retry: list[str]
) -> None:
    """Two people, two releases: the later one wins; neither leaves a lie behind, and no old workflow comes back."""
    shop.start()
    shop.switch("v2")
    shop.switch("v3")
    _tolerant(lambda: shop.rollback("v1", at(write, when, lambda: _tolerant(lambda: shop.rollback(other)))))
    assert shop.current in ("v1", other)
    for name in retry:
        _tolerant(lambda name=name: shop.switch(name, run=name))  # type: ignore[misc]
    assert shop.current in ("v1", other)
    shop.settled()
