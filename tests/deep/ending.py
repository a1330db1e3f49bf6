"""How every example ends: nothing fails any more, all work is done, and so everything has to come to its end."""

from __future__ import annotations

from rainbow.model.release import Phase
from tests.deep.bus import BusFault
from tests.deep.metrics import Fault
from tests.deep.stage import Action, Stage

_HOUR = 3600


def end(stage: Stage) -> None:
    """Let time pass and the pipelines run, and look at what is left."""
    _calm(stage)
    if stage.oracle.route not in stage.store.objects:
        return
    for seconds in (60, 3 * _HOUR, 3 * _HOUR, 60):
        stage.clock.sleep(seconds)
        current = stage.oracle.current()
        assert current is not None
        if stage.app.adopted:  # pods made since have no labels of the release
            stage.run(Action("adopt", 0))
        for step in ("switch", "wait-for-drain", "delete"):
            stage.run(Action(step, stage.releases.index(current)))
    if stage.app.bus:
        stage.run(Action("collect-garbage", -1))
    spared = [name for name in stage.releases if _kept_besides(stage, name)]
    assert len(spared) <= stage.broken_off, f"kept besides those that are to be: {spared}"
    for name in stage.releases:
        if name not in spared:
            _settled(stage, name)


def _kept_besides(stage: Stage, name: str) -> bool:
    """A switch that was broken off leaves it open who was current: then one more is kept rather than one too few."""
    record = stage.oracle.find(name)
    if record is None or name == stage.oracle.current() or name in stage.oracle.kept():
        return False
    return (record.status.blocker or "").startswith(("kept ", "the idle one")) and not record.status.deleted_at


def _calm(stage: Stage) -> None:
    stage.metrics.fault, stage.bus.fault, stage.traffic.late = Fault.NONE, BusFault.NONE, 0
    stage.store.tasks.clear()
    stage.bus.waiting.clear()
    stage.bus.at_work.clear()
    for number, name in enumerate(stage.releases):
        stage.workflow(name, "Failed")
        stage.oracle.refer(name, there=False)
        stage.oracle.answers[name] = "yes"
        stage.run(Action("resume", number))
    stage.run(Action("resume", None))


def _settled(stage: Stage, name: str) -> None:
    record = stage.oracle.find(name)
    if record is None:
        _nothing_left(stage, name)
        return
    status = record.status
    if name == stage.oracle.current():
        now = (status.phase, status.traffic, status.demoted_at)
        assert now == (Phase.CURRENT, "100%", None), f"{name}: {status}"
        return
    if name in stage.oracle.kept():
        # A switch to it that was broken off is ended by the next one; nobody else takes its mark away.
        assert stage.store.of("deployments", name), f"{name} was to be kept: {status}"
        return
    assert status.traffic != "switching", f"{name}: a mark is left: {status}"
    assert status.phase is Phase.DELETED, f"{name} is never deleted: {status}"
    assert status.deleted_at is not None
    _nothing_left(stage, name)


def _nothing_left(stage: Stage, name: str) -> None:
    kinds = ("deployments", "services", "ingresses", "httproutes")
    left = [obj["metadata"]["name"] for kind in kinds for obj in stage.store.of(kind, name)]
    assert not left, f"{name}: left behind: {left}"
    assert name not in stage.bus.consumers, f"{name}: its consumer is left behind"
