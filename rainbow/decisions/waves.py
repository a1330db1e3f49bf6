"""What is to be done next for a release that goes to several clusters, wave after wave (K4).

Everything is decided by what the clusters say at this moment, and nothing is remembered: whoever asks again, later or
on another machine, gets the same answer. A cluster that does not answer is unknown: neither well nor to be rolled back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rainbow.decisions.region import BEGUN, Region, Return, Standing, doing, failure
from rainbow.decisions.workflow_view import Outcome, WorkflowView
from rainbow.model.clusters import OnFailure
from rainbow.model.durations import format_duration

PATIENCE = timedelta(minutes=5)  # so long a cluster may be silent


class Act(StrEnum):
    """What to do."""

    SUBMIT = "submit"
    WAIT = "wait"
    ROLL_BACK = "roll back"
    DONE = "done"
    STOP = "stop"


@dataclass(frozen=True)
class WavesDecision:
    """What to do, with which clusters, and why. `temporary`: of a stop, that the same again may do later."""

    act: Act
    clusters: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    temporary: bool = False


@dataclass(frozen=True)
class Waves:
    """The release in all clusters at one moment. `built`: every image is known, so that others need not build."""

    release: str
    waves: Sequence[Sequence[str]]
    regions: Mapping[str, Region]
    on_failure: OnFailure = OnFailure.ROLLBACK
    built: bool = True

    @property
    def names(self) -> list[str]:
        """In the order of the waves."""
        return [name for wave in self.waves for name in wave]

    def where(self, *standings: Standing) -> list[str]:
        """The clusters in which it stands like this."""
        return [name for name in self.names if self.regions[name].standing in standings]


def decide_waves(now: Waves) -> WavesDecision:
    """The next act. Asked again after it, and after a while of waiting, it comes to DONE or STOP."""
    if others := now.where(Standing.OTHER):
        return _stop(now, others)
    # Whoever released something newer takes it from here; a rollback of ours would be in the way of that.
    if overtaken := now.where(Standing.OVERTAKEN) or _newer_elsewhere(now):
        return _stop(now, overtaken)
    if failed := now.where(Standing.FAILED, Standing.ROLLED_BACK):
        return _after_failure(now, failed)
    for wave in now.waves:
        if not all(now.regions[name].standing is Standing.SETTLED for name in wave):
            return _wave(now, wave)
    return WavesDecision(Act.DONE, tuple(now.names), (f"{now.release} is settled in {_list(now.names)}",))


def _wave(now: Waves, wave: Sequence[str]) -> WavesDecision:
    """The first wave that is not settled."""
    begun = any(region.standing in BEGUN for region in now.regions.values())
    # Before the first one begins all have to be there: better nothing is released than half of it.
    asked = wave if begun else now.names
    if silent := [name for name in asked if now.regions[name].standing is Standing.UNKNOWN]:
        return _until_known(now, silent)
    absent = [name for name in wave if now.regions[name].standing is Standing.ABSENT]
    if held := [name for name in (absent if begun else now.names) if now.regions[name].held]:
        why = tuple(f"{name}: {now.regions[name].held}" for name in held)
        return WavesDecision(Act.STOP, tuple(held), why)
    if absent and not now.built:
        absent = [name for name in now.names[:1] if name in absent]  # the others take what this one builds
    if absent:
        return WavesDecision(Act.SUBMIT, tuple(absent), (f"{_list(absent)}: it is due",))
    waiting = [name for name in wave if now.regions[name].standing in (Standing.UNDER_WAY, Standing.BAKING)]
    return WavesDecision(Act.WAIT, tuple(waiting), _whys(now, waiting))


def _after_failure(now: Waves, failed: Sequence[str]) -> WavesDecision:
    why = _whys(now, failed)
    if now.on_failure is OnFailure.LEAVE:
        return WavesDecision(Act.STOP, tuple(failed), why)
    current = [name for name in now.names if now.regions[name].current]
    if back := [name for name in current if now.regions[name].back is Return.NONE]:
        return WavesDecision(Act.ROLL_BACK, tuple(back), why)
    moving = [name for name in current if now.regions[name].back is Return.UNDER_WAY]
    moving += [name for name in now.where(Standing.UNDER_WAY) if name not in current]
    if moving:
        return WavesDecision(Act.WAIT, tuple(moving), _whys(now, moving))
    if silent := now.where(Standing.UNKNOWN):
        decision = _until_known(now, silent)
        more = () if decision.act is Act.WAIT else why
        # Failed all the same: whether it has to go back there as well, somebody has to look at.
        return WavesDecision(decision.act, decision.clusters, (*more, *decision.reasons))
    stuck = tuple(f"{name}: could not be rolled back: {now.regions[name].why_back}" for name in current)
    return WavesDecision(Act.STOP, tuple(failed), (*why, *stuck))


def decide_drained(now: Waves, workflows: Mapping[str, WorkflowView | None]) -> WavesDecision:
    """What to do while the older releases drain, once it is settled everywhere: DONE when each workflow is over.

    One that is there no more is over; of a cluster that does not answer nobody knows.
    """
    views = {name: view for name, view in workflows.items() if view is not None}
    if silent := [name for name in now.where(Standing.UNKNOWN) if name not in views]:
        return _until_known(now, silent)
    if waiting := [name for name in now.names if name in views and not views[name].over]:
        return WavesDecision(Act.WAIT, tuple(waiting), tuple(f"{name}: {doing(views[name])}" for name in waiting))
    if failed := [name for name in now.names if name in views and views[name].outcome is Outcome.FAILED]:
        whys = tuple(f"{name}: what failed came after it was live: {failure(views[name])}" for name in failed)
        return WavesDecision(Act.STOP, tuple(failed), whys)
    return WavesDecision(Act.DONE, tuple(now.names), (f"the workflow is done in {_list(now.names)}",))


def _newer_elsewhere(now: Waves) -> list[str]:
    """Clusters that it has not reached, and that a release has reached which came after it in another one.

    Each API server dates its own records. Submitted now, the older release would be the newer one there.
    """
    newer = {id_ for region in now.regions.values() for id_ in region.newer}
    return [name for name in now.where(Standing.ABSENT) if newer & set(now.regions[name].there)]


def _until_known(now: Waves, silent: Sequence[str]) -> WavesDecision:
    whys = tuple(f"{name}: unknown for {_seconds(now.regions[name])}: {now.regions[name].why}" for name in silent)
    given_up = any(now.regions[name].silent >= PATIENCE for name in silent)
    return WavesDecision(Act.STOP if given_up else Act.WAIT, tuple(silent), whys, temporary=given_up)


def _seconds(region: Region) -> str:
    return format_duration(timedelta(seconds=int(region.silent.total_seconds())))


def _stop(now: Waves, names: Sequence[str]) -> WavesDecision:
    newer = {id_ for region in now.regions.values() for id_ in region.newer}
    whys = []
    for name in names:
        region = now.regions[name]
        found = sorted(newer & set(region.there)) if region.standing is Standing.ABSENT else []
        came = f"{', '.join(found)} is there already, which came after {now.release} elsewhere"
        whys.append(f"{name}: {came if found else region.why}")
    return WavesDecision(Act.STOP, tuple(names), tuple(whys))


def _whys(now: Waves, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{name}: {now.regions[name].why or now.regions[name].standing}" for name in names)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
