"""`make-room` with an emulated API server: blue/green has two releases at most, and never cuts work off (F1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from emulated import START, Emulated, Killed
from shops import BUSY, CURRENT, DRAINED, FAILED, HOUR, IDLE, UNKNOWN, Shops

from rainbow.adapters.kube import WORKFLOW
from rainbow.adapters.records import note
from rainbow.adapters.workflows import workflow_object
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.errors import Refused
from rainbow.model.release import Phase
from steps import collect_garbage, hold, make_room

HOLD = {"reason": "an audit", "by": "ann", "at": START}
YOUNG = DrainDecision(DrainState.TOO_YOUNG, "0", ("younger than 10h",))


@pytest.fixture
def shops(told: dict[str, Any]) -> Shops:
    """v2 is current, v1 idle and kept by every age there is, v3 is to be deployed."""
    shops = Shops()
    config = shops.config("spawn", strategy="blue-green", retention={"minimumAge": "10h", "keep": 5})
    shops.release("v1", config=config, **DRAINED)
    shops.release("v2", config=config, **CURRENT)
    shops.point("v2")
    shops.release("v3", config=config, phase=Phase.PENDING)
    return shops


def make(shops: Shops, kube: Emulated | None = None, *, run: str = "", **params: Any) -> None:
    """Run the step for v3; `run` is the uid of its workflow."""
    given = make_room.Params.model_validate({"namespace": "spawn", "app": "spawn", "release": "v3"} | params)
    make_room.run(given, replace(shops.world(kube), run=run))


def holder(shops: Shops) -> str | None:
    """Who has the lock."""
    found: str | None = shops.store.objects["leases", "spawn", "rainbow-spawn"]["spec"].get("holderIdentity")
    return found


def test_the_idle_one_goes_whatever_its_age(shops: Shops) -> None:
    """It was kept until this moment only."""
    make(shops)
    assert [shops.works(name) for name in ("v1", "v2", "v3")] == [False, True, True]
    assert shops.record("v1").status.phase is Phase.DELETED


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "works": (BUSY, {}, "1 active task"),
    "may work": (UNKNOWN, {}, "active tasks unknown"),
    "is held": (None, {"hold": HOLD}, "held by ann: an audit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_while_the_idle_one(case: str, shops: Shops, told: dict[str, Any]) -> None:
    """Exit code 1 with the reason, in the record too; users are left alone, nothing is sealed."""
    look, status, why = REFUSED[case]
    note(shops.kube, shops.record("v1"), **status)
    told |= {"v1": look} if look else {}
    with pytest.raises(Refused, match=why):
        make(shops)
    assert shops.works("v1")
    assert shops.open("v1")
    assert shops.record("v3").status.phase is Phase.FAILED
    assert why in (shops.record("v3").status.message or "")


def test_nothing_makes_way_while_the_app_is_held(shops: Shops) -> None:
    """`deploy` would refuse, and a rollback despite the hold would find nothing to go back to."""
    hold.run(hold.Params(namespace="spawn", app="spawn", reason="an incident", by="bob"), shops.world())
    with pytest.raises(Refused, match=r"app spawn is held by bob since .*: an incident"):
        make(shops)
    assert shops.works("v1")
    assert shops.open("v1")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (FAILED | {"failed_at": START}, "v0 is superseded: v2 is current and newer"),
        ({"phase": Phase.DELETED, "deleted_at": START}, "v0 has been deleted"),
        (DRAINED, "v0 is superseded"),
    ],
)
def test_nothing_makes_way_for_one_that_cannot_go_live(status: dict[str, Any], why: str, told: dict[str, Any]) -> None:
    """Retry of a workflow, days later: what is idle now is the only one to roll back to."""
    shops = Shops()
    config = shops.config("spawn", strategy="blue-green", retention={"minimumAge": "10h", "keep": 5})
    for name, state in (("v0", status), ("v1", DRAINED), ("v2", CURRENT)):
        shops.release(name, config=config, **state)
    shops.point("v2")
    with pytest.raises(Refused, match=why):
        make(shops, release="v0")
    assert shops.works("v1")
    assert shops.record("v0").status.phase is status["phase"]


def test_the_current_one_keeps_what_it_has_replaced(shops: Shops) -> None:
    """Its whole workflow is run again."""
    make(shops, release="v2")
    assert shops.works("v1")
    assert "release v2 is current already: the idle one stays" in shops.said


def test_a_rollback_meanwhile_is_seen(shops: Shops, told: dict[str, Any]) -> None:
    """It waits for no lock: what it leads to stays, and v3, which was under way then, is superseded."""

    def rolled_back() -> DrainDecision:
        shops.point("v1")
        mark = {"reason": "errors", "by": "ann", "at": START + HOUR}
        note(shops.kube, shops.record("v2"), rejected=mark)
        return IDLE

    told["v1"] = rolled_back
    with pytest.raises(Refused, match="v2 was rolled back from by ann"):
        make(shops)
    assert shops.works("v1")
    assert shops.open("v1")


def test_the_lock_is_held_until_the_switch(shops: Shops) -> None:
    """`deploy` of the same workflow goes on with it; tried again and refused, it is given back."""
    make(shops, run="w3")
    assert holder(shops) == "v3/w3"
    hold.run(hold.Params(namespace="spawn", app="spawn", reason="an incident", by="bob"), shops.world())
    with pytest.raises(Refused):
        make(shops, run="w3")
    assert holder(shops) is None


def _at_its_gate(shops: Shops) -> None:
    """v2b is tested, and its workflow waits for somebody."""
    config = shops.record("v1").spec.app.model_copy(update={"approval": True})
    shops.release("v2b", config=config, phase=Phase.READY)
    workflow = workflow_object("release", "spawn", "spawn", "v2b", {})
    gate = {"templateName": "approval", "type": "Suspend", "phase": "Running"}
    shops.kube.create(workflow | {"status": {"phase": "Running", "nodes": {"a": gate}}})


def _answered(shops: Shops, phase: str) -> None:
    workflow = shops.kube.get(WORKFLOW, "spawn", "release-spawn-v2b")
    assert workflow is not None
    shops.kube.patch(WORKFLOW, "spawn", "release-spawn-v2b", {"status": {"phase": phase, "nodes": None}})


def test_refused_with_what_to_do_about_one_at_its_gate(shops: Shops) -> None:
    """It may wait for approval for a week, and a hotfix come meanwhile: that, and nothing else, is in the way."""
    _at_its_gate(shops)
    with pytest.raises(
        Refused, match=r"\(v2b: waits for approval\)\. Answer first: rainbow approve -n spawn spawn v2b"
    ):
        make(shops)
    assert shops.works("v1")
    assert shops.works("v2b")


@pytest.mark.parametrize("approved", [False, True])
def test_once_somebody_has_answered_retry_makes_room(shops: Shops, approved: bool) -> None:
    """Rejected, it goes; approved, it is current, and what it has replaced goes."""
    _at_its_gate(shops)
    shops.release("v3b", config=shops.record("v3").spec.app, phase=Phase.PENDING)
    with pytest.raises(Refused):
        make(shops, release="v3b")
    _answered(shops, "Succeeded" if approved else "Failed")
    if approved:
        shops.point("v2b")
        note(shops.kube, shops.record("v2b"), **CURRENT)
        note(shops.kube, shops.record("v2"), **DRAINED)
    else:
        note(shops.kube, shops.record("v2b"), phase=Phase.FAILED, failed_at=START)
    make(shops, release="v3b")
    assert [shops.works(name) for name in ("v1", "v2", "v2b")] == [False, not approved, approved]


def test_refused_when_it_is_found_at_work_in_the_last_moment(shops: Shops, told: dict[str, Any]) -> None:
    """After the last way in was closed; it is opened again."""
    told["v1"] = lambda: DrainDecision(DrainState.DRAINED, "0", ("idle",)) if shops.open("v1") else BUSY
    with pytest.raises(Refused, match="1 active task"):
        make(shops)
    assert shops.works("v1")
    assert shops.open("v1")


def test_a_failed_one_makes_way_at_once(shops: Shops) -> None:
    """Its place is needed; it was never live."""
    shops.release("v0", config=shops.record("v1").spec.app, **FAILED | {"failed_at": START})
    make(shops)
    assert [shops.works(name) for name in ("v0", "v1")] == [False, False]


def test_one_that_only_waits_for_its_turn_is_not_in_the_way(shops: Shops) -> None:
    """Nothing of it is deployed yet."""
    from rainbow.model.release import ReleaseSpec, new_record

    shops.kube.create(new_record(ReleaseSpec(release="v4", app=shops.record("v1").spec.app, manifests="")))
    make(shops)
    assert shops.record("v4").status.phase is Phase.PENDING


def test_a_rainbow_app_has_room_for_any_number(told: dict[str, Any]) -> None:
    """Nothing is looked at."""
    shops = Shops()
    shops.release("v1", **DRAINED)
    shops.release("v3")
    make(shops)
    assert shops.works("v1")
    assert shops.said == ["the strategy is rainbow: there is room for any number of releases"]


def test_garbage_collection_leaves_the_idle_one(shops: Shops) -> None:
    """Drained and old enough: it is what a rollback goes to, until the next release comes."""
    collect_garbage.run(collect_garbage.Params(namespace="spawn"), shops.world())
    assert shops.works("v1")
    assert "spawn/spawn v1: keep: the idle one of blue/green: kept until the next release is deployed" in shops.said


def test_dry_run_changes_nothing(shops: Shops) -> None:
    """It says the very decision."""
    version = shops.store.version
    make(shops, dry_run=True)
    assert shops.store.version == version
    assert shops.said[0].startswith("v1: delete: ")


def test_killed_between_any_two_writes_it_goes_on(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kill leaves a stage from which the next run ends as the first would have (A3)."""
    for fatal in range(1, 60):
        count = 0

        def around(_when: str, fatal: int = fatal) -> None:
            nonlocal count
            count += 1
            if count == fatal:
                raise Killed

        try:
            make(shops, Emulated(None, attempts=1, store=shops.store, around=around), run="w3")
        except Killed:
            assert shops.works("v2")
            continue
        break
    assert not shops.works("v1")
    assert fatal > 5
