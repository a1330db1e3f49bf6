"""A release through two emulated clusters: whatever is killed, away or done twice, it comes to the same end."""

from __future__ import annotations

from collections.abc import Callable

import emulated
import pytest
from emulated import START, Killed

from rainbow.adapters.records import note, read_release
from rainbow.adapters.regions import return_name, roll_back
from rainbow.cli.following import Until
from rainbow.cli.regions import End, Journey
from rainbow.decisions.region import Return, Standing
from rainbow.decisions.waves import PATIENCE, Act
from rainbow.errors import BadInput, PermanentError, TemporaryError
from rainbow.model.release import Mark, Phase
from tests.cli.two_regions import ARGO, DIGEST, Regions

KINDS = {"workflows": (ARGO, "Workflow"), "workflowtemplates": (ARGO, "WorkflowTemplate")}


@pytest.fixture(autouse=True)
def argo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both API servers know it."""
    for plural, kind in KINDS.items():
        monkeypatch.setitem(emulated.KINDS, plural, kind)


def standings(end: End) -> dict[str, Standing]:
    """Cluster → how the release stands there."""
    return {name: found.region.standing for name, found in end.found.items()}


def with_v1(**more: object) -> Regions:
    """Both clusters with a release that is live."""
    regions = Regions(**more)  # type: ignore[arg-type]
    assert regions.journey("v1").go(Until.LIVE).decision.act is Act.DONE
    regions.later()
    return regions


def test_each_wave_waits_for_the_bake_of_the_one_before() -> None:
    """At the moment that b is submitted to, a has baked; and both have the very same image (K4)."""
    regions = Regions()
    seen: list[object] = []

    def before_write(_when: str) -> None:
        if not regions.clusters["b"].releases():
            status = regions.clusters["a"].releases().get("v1")
            seen.append(status and read_release(regions.clusters["a"].kube, "shop-a", "shop", "v1").status.baked_at)

    journey = regions.journey("v1")
    journey.going.places[1].kube.around = before_write  # type: ignore[attr-defined]
    end = journey.go(Until.LIVE)
    assert end.decision.act is Act.DONE
    assert seen
    assert None not in seen
    assert standings(end) == {"a": Standing.SETTLED, "b": Standing.SETTLED}


def test_the_first_cluster_builds_and_the_others_get_its_digests() -> None:
    """Also those of its own wave: nothing is built twice."""
    regions = Regions(waves=[["a", "b"]])
    end = regions.journey("v1", build=True).go(Until.LIVE)
    assert end.decision.act is Act.DONE
    assert regions.images("v1") == {"a": DIGEST, "b": DIGEST}
    specs = {n: read_release(c.kube, c.app.namespace, "shop", "v1").spec for n, c in regions.clusters.items()}
    assert specs["a"].source is not None
    assert (specs["b"].source, specs["b"].images) == (None, {"shop": DIGEST})
    assert specs["b"].app.clusters is None, "a record says nothing of other clusters"


@pytest.mark.parametrize("step", ["build", "deploy", "bake"])
def test_a_failure_takes_back_what_was_reached(step: str) -> None:
    """Wherever it fails in b, a is back on v1, and says why; c is never begun."""
    regions = with_v1()
    regions.clusters["b"].fails["v2"] = step
    end = regions.journey("v2").go(Until.LIVE)
    assert end.decision.act is Act.STOP
    assert [cluster.current for cluster in regions.clusters.values()] == ["v1", "v1"]
    rejected = read_release(regions.clusters["a"].kube, "shop-a", "shop", "v2").status.rejected
    assert rejected is not None
    assert rejected.reason.startswith("release v2 failed in another cluster: b: ")
    again = regions.journey("v2").go(Until.LIVE)
    assert again.decision == end.decision


def test_a_bake_that_is_given_up_rolls_back_nobody() -> None:
    """Its metrics were unknown, which is no breach (B1): the other cluster is well, and stays (exit 75)."""
    regions = with_v1()
    b = regions.clusters["b"]
    b.fails["v2"], b.unknown = "bake", True
    end = regions.journey("v2").go(Until.LIVE)
    assert (end.decision.act, end.decision.temporary) == (Act.STOP, True)
    assert "it is current, but not known to be well: bake failed: boom" in end.decision.reasons[0]
    assert [cluster.current for cluster in regions.clusters.values()] == ["v2", "v2"]
    assert [w for c in regions.clusters.values() for w in c.workflows() if w.startswith("rollback")] == []
    b.retry("v2")
    assert regions.journey("v2").go(Until.LIVE).decision.act is Act.DONE


def test_the_very_first_release_stays_where_nothing_was_before_it() -> None:
    """There is nothing to go back to; it is said, and not tried for ever."""
    regions = Regions()
    regions.clusters["b"].fails["v1"] = "deploy"
    end = regions.journey("v1").go(Until.LIVE)
    assert end.decision.act is Act.STOP
    assert "a: could not be rolled back: rollback failed: boom" in end.decision.reasons
    assert regions.clusters["a"].current == "v1"


def test_a_release_that_waits_for_a_person_says_how_to_answer() -> None:
    """In each cluster for itself, with the context that leads there."""
    regions = Regions()
    journey = regions.journey("v1")
    journey.go(Until.SUBMITTED)
    key = ("workflows", "shop-a", "release-shop-v1")
    gate = {"id": "g", "displayName": "approval", "type": "Suspend", "phase": "Running", "startedAt": START.isoformat()}
    waiting = {"phase": "Running", "nodes": {"g": gate}}
    regions.clusters["a"].store.put(key, regions.clusters["a"].store.objects[key] | {"status": waiting})
    found = journey.look()["a"].region
    assert found.standing is Standing.UNDER_WAY
    assert found.why == "waiting for approval: rainbow approve --context a -n shop-a shop v1"


def test_a_failure_in_the_first_wave_reaches_nobody_else() -> None:
    """And what was never current is not rolled back."""
    regions = with_v1()
    regions.clusters["a"].fails["v2"] = "deploy"
    end = regions.journey("v2").go(Until.LIVE)
    assert end.decision.act is Act.STOP
    assert "v2" not in regions.clusters["b"].releases()
    assert [w for c in regions.clusters.values() for w in c.workflows() if w.startswith("rollback")] == []


def test_what_was_reached_is_left_when_that_is_wanted() -> None:
    """onFailure: leave."""
    regions = with_v1(on_failure="leave")
    regions.clusters["b"].fails["v2"] = "deploy"
    assert regions.journey("v2").go(Until.LIVE).decision.act is Act.STOP
    assert [cluster.current for cluster in regions.clusters.values()] == ["v2", "v1"]


def test_what_failed_may_be_retried_and_gone_on_from() -> None:
    """Somebody mends what it was, presses Retry in that cluster, and starts the same command again."""
    regions = with_v1(on_failure="leave", waves=[["a"], ["b"]])
    regions.clusters["b"].fails["v2"] = "deploy"
    assert regions.journey("v2").go(Until.LIVE).decision.act is Act.STOP
    regions.clusters["b"].retry("v2")
    assert regions.journey("v2").go(Until.LIVE).decision.act is Act.DONE
    assert [cluster.current for cluster in regions.clusters.values()] == ["v2", "v2"]


def _ends(regions: Regions, journey: Journey) -> End:
    end = journey.go(Until.LIVE)
    assert regions.created("v2") == {"a": 1, "b": 1}
    return end


@pytest.mark.slow
@pytest.mark.parametrize("fails", ["", "deploy", "bake"])
def test_killed_at_any_write_and_started_again_it_comes_to_the_same_end(fails: str) -> None:
    """Before or after any of them; between two writes nothing is remembered that could be lost."""
    whole = _writes(fails, at=None)
    assert whole >= 2 * 4, "a record and a workflow in each cluster"
    for at in range(whole):
        _writes(fails, at=at)


def _writes(fails: str, at: int | None) -> int:
    regions = with_v1()
    if fails:
        regions.clusters["b"].fails["v2"] = fails
    count = 0

    def around(_when: str) -> None:
        nonlocal count
        if count == at:
            raise Killed
        count += 1

    journey = regions.journey("v2")
    for place in journey.going.places:
        place.kube.around = around  # type: ignore[attr-defined]
    try:
        end = _ends(regions, journey)
    except Killed:
        end = _ends(regions, regions.journey("v2"))
    assert (
        standings(end)
        == {
            "": {"a": Standing.SETTLED, "b": Standing.SETTLED},
            "deploy": {"a": Standing.ROLLED_BACK, "b": Standing.FAILED},
            "bake": {"a": Standing.ROLLED_BACK, "b": Standing.ROLLED_BACK},
        }[fails]
    )
    return count


@pytest.mark.slow
@pytest.mark.parametrize("fails", ["", "deploy"])
def test_two_who_release_the_same_at_once_do_it_together(fails: str) -> None:
    """Whatever one of them is just reading or writing, the other one does all that is due at that moment."""
    for at in range(0, 80, 3):
        regions = with_v1()
        if fails:
            regions.clusters["b"].fails["v2"] = fails
        first, second = regions.journey("v2"), regions.journey("v2")
        _meanwhile(first, at, lambda second=second: second.go(Until.SUBMITTED))  # type: ignore[misc]
        ends = [_ends(regions, first), _ends(regions, second)]
        assert standings(ends[0]) == standings(ends[1])
        assert ends[0].decision.act is (Act.STOP if fails else Act.DONE)
        rollbacks = [w for c in regions.clusters.values() for w in c.workflows() if w.startswith("rollback")]
        assert len(rollbacks) == (1 if fails else 0)


def test_what_another_one_begins_during_a_look_has_not_failed() -> None:
    """Whoever sees no workflow, and a moment later a record that is worked on, rolls back nobody for it."""
    for at in range(0, 80, 3):
        regions = with_v1()
        first, second = regions.journey("v2"), regions.journey("v2")

        def act(second: Journey = second, regions: Regions = regions) -> None:
            second.go(Until.SUBMITTED)
            regions.work()
            regions.work()

        _meanwhile(first, at, act)
        assert _ends(regions, first).decision.act is Act.DONE
        rollbacks = [w for c in regions.clusters.values() for w in c.workflows() if w.startswith("rollback")]
        assert rollbacks == []


def test_a_record_that_cannot_be_read_is_unknown_and_not_absent() -> None:
    """Another version of Rainbow may have written it, and users may be on it."""
    regions = with_v1()
    assert regions.journey("v2").go(Until.LIVE).decision.act is Act.DONE
    store = regions.clusters["b"].store
    key = ("releases", "shop-b", "shop-v2")
    store.objects[key] = store.objects[key] | {"status": {"phase": "Sparkling"}}
    regions.clock.work = lambda: None
    end = regions.journey("v2").go(Until.LIVE)
    assert (end.decision.act, end.decision.temporary) == (Act.STOP, True)
    assert standings(end) == {"a": Standing.SETTLED, "b": Standing.UNKNOWN}
    assert "is malformed" in end.decision.reasons[0]


def test_a_rollback_that_two_ask_for_is_one() -> None:
    """Both have seen the failure at the same moment."""
    regions = with_v1()
    place = regions.places()[0]
    record = read_release(place.kube, "shop-a", "shop", "v1")
    roll_back(place, record, "it failed in b")
    roll_back(place, record, "it failed in b")
    assert [w for w in regions.clusters["a"].workflows() if w.startswith("rollback")] == [return_name(record)]
    assert len(return_name(record)) <= 63


def _meanwhile(journey: Journey, at: int, act: Callable[[], object]) -> None:
    count = 0

    def called(_method: str, _path: str) -> None:
        nonlocal count
        count += 1
        if count == at + 1:
            act()

    for place in journey.going.places:
        place.kube.called = called  # type: ignore[attr-defined]


def test_a_cluster_that_is_away_for_a_while_is_waited_for() -> None:
    """It is neither well nor failed; when it answers again all goes on. Each silence counts for itself."""
    regions = with_v1()
    a, b = regions.clusters["a"], regions.clusters["b"]
    began: list[float] = []

    def work() -> None:
        a.work()
        if not b.out:
            b.work()
        if "v2" in b.releases():
            began.append(regions.clock.passed)
        since = regions.clock.passed - began[0] if began else 0
        b.out = 0 < since < 200 or 200 < since < 400

    regions.clock.work = work
    assert regions.journey("v2").go(Until.LIVE).decision.act is Act.DONE
    assert regions.clock.passed >= began[0] + 400 > began[0] + PATIENCE.total_seconds()


@pytest.mark.parametrize("fails", ["", "deploy"])
def test_a_cluster_that_stays_away_ends_it_and_is_not_rolled_back(fails: str) -> None:
    """Exit 75: it goes on where it was. A failure elsewhere is a failure still, and what answers has gone back."""
    regions = with_v1(waves=[["a", "b"]])
    regions.clusters["b"].fails["v2"] = fails

    def work() -> None:
        regions.work()
        regions.clusters["a"].out = regions.clusters["a"].releases().get("v2") is Phase.CURRENT

    regions.clock.work = work
    began = regions.clock.passed
    end = regions.journey("v2").go(Until.LIVE)
    assert (end.decision.act, end.decision.temporary) == (Act.STOP, not fails)
    assert PATIENCE.total_seconds() <= regions.clock.passed - began < PATIENCE.total_seconds() + 60
    assert "a: unknown for 5m" in " ".join(end.decision.reasons)
    assert regions.clusters["a"].current == "v2"
    assert [w for w in regions.clusters["a"].workflows() if w.startswith("rollback")] == []
    # It is back, and somebody starts the same again.
    regions.clock.work = regions.work
    regions.clusters["a"].out = False
    again = regions.journey("v2").go(Until.LIVE)
    assert again.decision.act is (Act.STOP if fails else Act.DONE)
    assert regions.clusters["a"].current == ("v1" if fails else "v2")


def test_a_cluster_that_is_away_from_the_start_is_found_before_anything_is_released() -> None:
    """However late its turn would be."""
    regions = with_v1()
    regions.clusters["b"].out = True
    end = regions.journey("v2").go(Until.LIVE)
    assert (end.decision.act, end.decision.temporary) == (Act.STOP, True)
    assert "v2" not in regions.clusters["a"].releases()


def test_a_newer_release_takes_over_and_the_older_one_stops() -> None:
    """It does not reach the next cluster, and rolls nothing back under the newer one."""
    regions = with_v1()
    older = regions.journey("v2")
    older.go(Until.SUBMITTED)
    regions.later()
    newer = regions.journey("v3")
    newer.go(Until.SUBMITTED)
    for _ in range(3):
        regions.clock.sleep(2)
    end = older.go(Until.LIVE)
    assert end.decision.act is Act.STOP
    assert end.decision.reasons == ("a: v3 is current there, and not v2 any more",)
    assert "v2" not in regions.clusters["b"].releases()
    assert newer.go(Until.LIVE).decision.act is Act.DONE
    assert [cluster.current for cluster in regions.clusters.values()] == ["v3", "v3"]


def test_a_rollback_by_a_person_in_one_region_wins_in_all() -> None:
    """Whoever rolls back in a while b is under way has seen something: b goes back as well, once it is there."""
    regions = with_v1()
    journey = regions.journey("v2")
    a, b = regions.clusters["a"], regions.clusters["b"]

    def work() -> None:
        regions.work()
        if "v2" in b.releases() and a.current == "v2":
            record = read_release(a.kube, "shop-a", "shop", "v2")
            note(a.kube, record, rejected=Mark(reason="errors", by="ann", at=regions.clock.now()))
            a.point("v1")

    regions.clock.work = work
    end = journey.go(Until.LIVE)
    assert standings(end) == {"a": Standing.ROLLED_BACK, "b": Standing.ROLLED_BACK}
    assert [a.current, b.current] == ["v1", "v1"]


def test_another_release_under_the_same_id_is_refused() -> None:
    """Somebody reuses v2 for something else; nothing is done to either."""
    regions = with_v1()
    assert regions.journey("v2").go(Until.LIVE).decision.act is Act.DONE
    end = regions.journey("v2", ready_timeout=regions.app.ready_timeout * 2).go(Until.LIVE)
    assert end.decision.act is Act.STOP
    assert "it differs in rainbow.yaml" in end.decision.reasons[0]
    assert [cluster.current for cluster in regions.clusters.values()] == ["v2", "v2"]


def test_a_rollback_that_cannot_even_be_asked_for_is_said() -> None:
    """The right to it may be missing in one cluster."""
    regions = with_v1()
    regions.clusters["b"].fails["v2"] = "deploy"
    journey = regions.journey("v2")
    kube = journey.going.places[0].kube
    create = kube.create

    def forbidden(obj: dict[str, object], **more: object) -> object:
        if "rollback" in str(obj["metadata"]):
            raise PermanentError("no right to create workflows")
        return create(obj, **more)  # type: ignore[arg-type]

    kube.create = forbidden  # type: ignore[method-assign,assignment]
    end = journey.go(Until.LIVE)
    assert end.decision.act is Act.STOP
    assert "a: could not be rolled back: no right to create workflows" in end.decision.reasons
    assert end.found["a"].region.back is Return.FAILED


def test_a_submission_that_is_refused_says_where() -> None:
    """BadInput while nothing is begun; in a later cluster it is no longer true that nothing was changed."""
    regions = Regions()
    del regions.clusters["b"].store.objects["workflowtemplates", "shop-b", "release"]
    with pytest.raises(PermanentError, match=r"cluster b: .*Nothing was changed in b") as caught:
        regions.journey("v1").go(Until.LIVE)
    assert caught.value.exit_code == 1
    regions = Regions()
    del regions.clusters["a"].store.objects["workflowtemplates", "shop-a", "release"]
    with pytest.raises(BadInput, match="cluster a: "):
        regions.journey("v1").go(Until.LIVE)


def test_a_cluster_that_refuses_to_be_written_to_is_given_up_after_a_while() -> None:
    """It answers every look, and no submission."""
    regions = Regions()
    journey = regions.journey("v1")

    def around(_when: str) -> None:
        raise TemporaryError("etcd has no leader")

    journey.going.places[0].kube.around = around  # type: ignore[attr-defined]
    with pytest.raises(TemporaryError, match=r"cluster a: .*etcd has no leader"):
        journey.go(Until.LIVE)
    assert regions.clock.passed >= PATIENCE.total_seconds() - 10


def test_who_only_submits_does_what_is_due_and_goes() -> None:
    """The same command again goes on; nothing is followed."""
    regions = Regions()
    end = regions.journey("v1").go(Until.SUBMITTED)
    assert (end.decision.act, end.decision.clusters) == (Act.WAIT, ("a",))
    assert (list(regions.clusters["a"].releases()), regions.clusters["b"].releases()) == (["v1"], {})


def test_drained_waits_for_the_workflow_of_every_cluster() -> None:
    """Live is when it has baked; drained is when its workflow is over."""
    regions = with_v1()
    end = regions.journey("v2").go(Until.DRAINED)
    assert end.decision.act is Act.DONE
    assert all(found.view is not None and found.view.over for found in end.found.values())


def test_drained_is_not_said_of_a_cluster_that_does_not_answer() -> None:
    """Its workflow may still be at work: it is waited for, and then given up for now (exit 75)."""
    regions = with_v1()
    b = regions.clusters["b"]

    def work() -> None:
        b.out = "v2" in b.releases() and bool(read_release(b.kube, "shop-b", "shop", "v2").status.baked_at)
        regions.clusters["a"].work()
        if not b.out:
            b.work()

    regions.clock.work = work
    end = regions.journey("v2").go(Until.DRAINED)
    assert (end.drained, end.decision.act, end.decision.temporary) == (True, Act.STOP, True)
    assert "b: unknown for 5m" in end.decision.reasons[0]


def test_drained_is_a_failure_when_a_workflow_fails_after_its_switch() -> None:
    """As for one cluster: what failed came after it was live, and the exit code says so."""
    regions = with_v1()
    regions.clusters["b"].fails["v2"] = "delete"
    end = regions.journey("v2").go(Until.DRAINED)
    assert (end.decision.act, end.decision.temporary) == (Act.STOP, False)
    assert end.decision.reasons == ("b: what failed came after it was live: delete failed: boom",)
    assert [cluster.current for cluster in regions.clusters.values()] == ["v2", "v2"]
