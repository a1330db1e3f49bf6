"""What the state machine has found, each as the few steps that showed it; they fail when it comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deep.bases import App
from tests.deep.machine import Lifecycle
from tests.deep.stage import Action, Disturbance


@pytest.fixture
def life() -> Iterator[Lifecycle]:
    """An app with one release; in the end everything has to come to its end, see `Lifecycle.teardown`."""
    machine = Lifecycle()
    machine.first(App())
    yield machine
    machine.users_are_served()
    machine.teardown()


def test_a_release_that_was_left_behind_goes_though_its_seal_is_a_note(life: Lifecycle) -> None:
    """Its age counted from the last note on its record, so that sealing it made it young again, each time."""
    life.the_proxy_is_late(requests=17)
    life.release(at=0, disturbance=None)
    assert life.stage.oracle.record("rel1").status.phase == "Ready"


@pytest.mark.parametrize("at", [9, 18])
def test_the_mark_of_a_switch_that_was_broken_off_ages_though_its_release_is_waited_for(
    life: Lifecycle, at: int
) -> None:
    """Waiting and deleting wrote their blockers in turns, and each note made the broken-off switch a recent one."""
    life.release(at=0, disturbance=None)
    life.a_person_switches(release=-2, disturbance=Disturbance(at, kill=True))


@pytest.mark.parametrize("at", [16, 20, 24, 28])
def test_a_run_that_is_refused_takes_no_mark_from_one_at_work(life: Lifecycle, at: int) -> None:
    """A late retry took away the mark that kept `delete` from the release to which a person was just switching."""
    life.release(at=0, disturbance=None)
    back = Action("switch", -2, insists=True, by_hand=True)
    life.step(action=back, disturbance=Disturbance(at, rival=Action("switch", -2)))
    assert life.stage.oracle.current() == "rel0"


@pytest.mark.parametrize(("at", "last"), [(13, "rel1"), (18, "rel1"), (19, "rel0"), (23, "rel0")])
def test_who_was_current_last_is_kept_though_a_switch_was_killed(at: int, last: str) -> None:
    """The times when they were replaced are noted late, or as late as can be: by them, the other one was kept."""
    life = Lifecycle()
    life.first(App(keep=1))
    life.release(at=0, disturbance=None)
    life.a_person_switches(release=-2, disturbance=Disturbance(at, kill=True, after=True))
    assert life.stage.oracle.current() == last
    life.release(at=0, disturbance=None)
    life.teardown()
    assert life.stage.oracle.record(last).status.deleted_at is None


@pytest.mark.parametrize("at", [19, 32, 33, 38])
def test_who_came_back_is_kept_though_nobody_had_noted_that_it_was_away(at: int) -> None:
    """Its record said current all the time, so coming back was no news: who was current in between was kept instead."""
    life = Lifecycle()
    life.first(App(keep=1))
    life.release(at=0, disturbance=None)
    life.a_person_switches(release=-2, disturbance=None)
    life.a_person_switches(release=-1, disturbance=Disturbance(at, kill=True, after=at < 33))
    assert life.stage.oracle.current() == "rel1"
    life.stage.clock.sleep(1)
    life.a_person_switches(release=-2, disturbance=None)
    assert life.stage.oracle.current() == "rel0"
    life.release(at=0, disturbance=None)
    life.teardown()
    assert life.stage.oracle.record("rel0").status.deleted_at is None


def test_a_release_that_came_after_the_list_was_taken_is_gone_back_to_or_refused() -> None:
    """`rollback` found it by its name and not in the list, and broke down instead of saying what it makes of it."""
    life = Lifecycle()
    life.first(App(route="service", bus=True))
    life.an_operator(release=None, step="hold")
    life.release(answer="yes", at=4, disturbance=None, harm=False)
    back = Action("rollback", -1, insists=False, by_hand=True, lag=3)
    life.step(action=back, disturbance=Disturbance(18, pause=10.0))
    life.teardown()


def test_a_release_is_not_deployed_again_into_the_work_that_it_was_deleted_with() -> None:
    """It waited on the bus for the new pods; no user was ever led to them, and so nobody looked before they went."""
    life = Lifecycle()
    life.first(App(maximum_drain_age="2h", overdue="delete", bus=True))
    life.stage.task(None)
    life.release(at=0, disturbance=None)
    life.stage.clock.sleep(7300)
    assert life.stage.run(Action("delete", -1))
    assert life.stage.bus.left("rel0")
    assert not life.stage.run(Action("redeploy", 0)), "what is left of its earlier life has to go first"
    assert life.stage.run(Action("collect-garbage", -1))
    for step in ("redeploy", "deploy", "run-tests"):
        assert life.stage.run(Action(step, 0))
    life.its_workflow_ends(release=0)
    life.stage.clock.sleep(7300)
    assert life.stage.run(Action("delete", -1))
    life.teardown()


def test_a_switch_that_lost_its_lock_leaves_one_release_more_rather_than_one_too_few() -> None:
    """It paused for half an hour, and another run took the lock: as after a kill, it is open who was current."""
    life = Lifecycle()
    life.first(App(route="httpRoute", keep=2))
    for _ in range(2):
        life.release_and_clean_up(at=0, disturbance=None, seconds=10, task=False)
    rival = Action("deploy", -1, insists=True)
    life.release(at=4, disturbance=Disturbance(19, kill=True, after=True, pause=2000.0, rival=rival))
    assert life.stage.oracle.current() == "rel2"
    life.teardown()
    assert life.stage.store.of("deployments", "rel1")
