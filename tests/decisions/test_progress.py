"""What is waited for, and what is written into the records meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.age import TOO_YOUNG
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.progress import SETTLING, noted_demotion, noted_drain, to_be_gone, to_wait_for
from rainbow.model.release import Phase
from tests.decisions.make import HOUR, NOW, release

V1 = release("v1", live_at=NOW - 5 * HOUR)
V2 = release("v2", live_at=NOW - 4 * HOUR)
V3 = release("v3", live_at=NOW - 3 * HOUR)
READY = release("v0", live_at=None, demoted_at=None, phase=Phase.READY)


def waited(*records: object, given: str, current: str | None) -> list[str]:
    """The ids that are waited for."""
    return [r.id for r in to_wait_for(records, given, current)]  # type: ignore[arg-type]


def test_all_that_were_live_before_and_are_not_current_are_waited_for() -> None:
    """Several earlier releases drain side by side (S3); one that never was live has nothing to finish."""
    assert waited(READY, V1, V2, V3, given="v3", current="v3") == ["v1", "v2"]


def test_a_release_that_is_current_again_is_not_waited_for() -> None:
    """A rollback to it while it drained ends the waiting (S10)."""
    assert waited(V1, V2, V3, given="v3", current="v1") == ["v2"]


def test_a_later_release_is_not_waited_for() -> None:
    """Each workflow waits for what its own release replaced; the later one is the business of the next."""
    assert waited(V1, V2, V3, given="v2", current="v3") == ["v1"]
    assert waited(V1, V2, V3, given="v2", current="v4") == ["v1"]


def test_a_deleted_release_is_not_waited_for() -> None:
    """Another workflow may have deleted it meanwhile."""
    assert waited(release("v1", phase=Phase.DELETED), V3, given="v3", current="v3") == []


def test_who_was_waited_for_and_is_old_enough_is_expected_to_go() -> None:
    """Drained by the record since before the minimum age; not one that is busy, young, current or was never live."""
    drained = release("v1", live_at=NOW - 5 * HOUR, phase=Phase.DRAINED)
    young = release("v2", live_at=NOW - 4 * HOUR, phase=Phase.DRAINED, demoted_at=NOW - HOUR / 2)
    assert to_be_gone([READY, drained, young, V3], "v3", "v3", NOW) == {"v1"}
    assert to_be_gone([V1, V3], "v3", "v3", NOW) == frozenset()
    assert to_be_gone([drained, V3], "v3", "v1", NOW) == frozenset()


def test_a_demotion_nobody_noted_begins_now() -> None:
    """The age counts from when the release is seen not to be current, never from earlier (S9)."""
    current = release(phase=Phase.CURRENT, demoted_at=None, traffic="100%").status
    noted = {"demoted_at": NOW, "phase": Phase.DRAINING, "traffic": "-"}
    assert noted_demotion(current, NOW) == noted


def test_a_demotion_from_before_it_was_live_again_does_not_count() -> None:
    """After a rollback and another switch the release is as young as that switch (S9, S10)."""
    status = release(demoted_at=NOW - 9 * HOUR, drained_at=NOW - 8 * HOUR).status
    assert noted_demotion(status, NOW) == {"demoted_at": NOW, "drained_at": None}


def test_a_demotion_once_noted_stays() -> None:
    """Looking again changes nothing."""
    assert noted_demotion(release().status, NOW) == {}


def test_a_switch_under_way_is_left_alone() -> None:
    """The mark on the record belongs to the switch."""
    assert noted_demotion(release(traffic="switching", demoted_at=None).status, NOW) == {}


def test_only_changes_are_noted() -> None:
    """The same decision twice is written once, though the time left differs."""
    young = DrainDecision(DrainState.TOO_YOUNG, "0", ("12m left",))
    changes = noted_drain(release().status, young, NOW)
    assert changes["phase"] is Phase.DRAINED
    assert changes["drained_at"] == NOW
    after = release(**changes)
    assert noted_drain(after.status, DrainDecision(DrainState.TOO_YOUNG, "0", ("11m left",)), NOW + HOUR) == {}


def test_work_that_comes_back_makes_it_draining_again() -> None:
    """Drained is taken back as soon as a task is seen."""
    idle = release(phase=Phase.DRAINED, drained_at=NOW, tasks="0").status
    changes = noted_drain(idle, DrainDecision(DrainState.WORKING, "2", ("2 active tasks",)), NOW)
    assert changes == {"phase": Phase.DRAINING, "drained_at": None, "tasks": "2", "blocker": "2 active tasks"}


@pytest.mark.parametrize("state", [DrainState.UNKNOWN, DrainState.MISTAKEN])
@pytest.mark.parametrize("blocker", [None, "kept to be rolled back to"])
def test_unknown_is_noted_with_its_reason_and_takes_nothing_back(state: DrainState, blocker: str | None) -> None:
    """People see `unknown` and why; the phase stays."""
    idle = release(phase=Phase.DRAINED, drained_at=NOW, tasks="0", blocker=blocker).status
    unknown = DrainDecision(state, "unknown", ("no answer",))
    assert noted_drain(idle, unknown, NOW) == {"tasks": "unknown", "blocker": "no answer"}


IDLE = [DrainState.SETTLING, DrainState.TOO_YOUNG, DrainState.DRAINED]
KEPT = "kept to be rolled back to: among the newest 1 (retention.keep)"


@pytest.mark.parametrize("state", IDLE)
def test_what_a_collection_found_to_keep_an_idle_release_stays(state: DrainState) -> None:
    """Else waiting would take it off and the next collection write it again, for ever."""
    kept = release(phase=Phase.DRAINED, drained_at=NOW, tasks="0", blocker=KEPT).status
    assert noted_drain(kept, DrainDecision(state, "0", ("whatever",)), NOW) == {}


@pytest.mark.parametrize("blocker", [TOO_YOUNG, SETTLING])
def test_its_own_words_go_with_what_they_say(blocker: str) -> None:
    """An idle release that is old enough is kept by nothing that waiting knows of."""
    young = release(phase=Phase.DRAINED, drained_at=NOW, tasks="0", blocker=blocker).status
    assert noted_drain(young, DrainDecision(DrainState.DRAINED, "0", ("idle",)), NOW) == {"blocker": None}


@pytest.mark.parametrize(
    "before",
    [
        {"phase": Phase.DRAINING, "tasks": "2", "blocker": "2 active tasks"},
        {"phase": Phase.DRAINED, "drained_at": NOW, "tasks": "unknown", "blocker": "active tasks unknown: no answer"},
    ],
)
def test_words_about_work_go_when_it_is_done(before: dict[str, Any]) -> None:
    """Whoever wrote them."""
    noted = noted_drain(release(**before).status, DrainDecision(DrainState.DRAINED, "0", ("idle",)), NOW)
    assert (noted["tasks"], noted["blocker"]) == ("0", None)


def test_work_is_told_whatever_else_keeps_it() -> None:
    """What is at work matters more to a person than what retention says."""
    kept = release(phase=Phase.DRAINED, drained_at=NOW, tasks="0", blocker=KEPT).status
    assert (
        noted_drain(kept, DrainDecision(DrainState.WORKING, "1", ("1 active task",)), NOW)["blocker"] == "1 active task"
    )
