"""How far a draining release may shrink: its idle pods go, a busy one is never touched (B8).

A pod is idle when scrapes say so that are newer than anything that was given to it could be; whatever is not known is
busy. Which pods go is the choice of the ReplicaSet, by their deletion cost after their readiness (Kubernetes,
"ReplicaSet", Pod deletion cost), and only as well as its cache knows: so the costs are written at one look, and the
number is lowered at a later one that finds them in place and the pods idle still. A task that begins between that look
and the end of its pod finds the pod's own grace period.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rainbow.decisions.bus import BusWork
from rainbow.decisions.evidence import CLOCK_TOLERANCE, Scrape
from rainbow.decisions.switch import ALL, SWITCHING
from rainbow.model.release import Phase, ReleaseStatus

BUSY_COST, IDLE_COST = 1000, -1000
IDLE_SCRAPES = 2  # in a row, each later than the one before


@dataclass(frozen=True)
class Glimpse:
    """What one look saw of a pod: its tasks by the last scrape, which has a time by Prometheus's clock and by ours."""

    scraped: datetime
    at: datetime
    tasks: float


@dataclass(frozen=True)
class Quiet:
    """Since which look the bus has given nothing to anybody of the release, and how much it had given until then."""

    since: datetime
    delivered: int


@dataclass(frozen=True)
class Worker:
    """A pod of the workload. `tasks` None: not known; `idle_scrapes`: how many scrapes in a row found it idle."""

    name: str
    ready: bool
    cost: int
    tasks: float | None
    idle_scrapes: int

    @property
    def idle(self) -> bool:
        """It has nothing to do, as well as can be known."""
        return self.tasks == 0 and self.idle_scrapes >= IDLE_SCRAPES


@dataclass(frozen=True)
class Crew:
    """A Deployment of the release and its pods. `unsteady` says why the two do not belong together at this moment."""

    workload: str
    replicas: int
    workers: tuple[Worker, ...]
    unsteady: str | None = None
    autoscaler: str | None = None


@dataclass(frozen=True)
class Shrinking:
    """What to do with one workload: costs to write, then at a later look the number to set. Neither is nothing."""

    workload: str
    reason: str
    costs: Mapping[str, int] = field(default_factory=dict)
    replicas: int | None = None


def kept_whole(status: ReleaseStatus, release: str, current: str | None) -> str | None:
    """Why a release must not shrink, by its record and the route; None when it may."""
    if release == current or status.traffic == ALL or status.phase is Phase.CURRENT:
        return "it is current"
    if current is None:
        return "the route points at no release, so this may be the one to go back to"
    if status.traffic == SWITCHING:
        return "a switch to it is under way"
    if status.hold is not None:
        return f"held by {status.hold.by}: {status.hold.reason}"
    if status.phase not in (Phase.DRAINING, Phase.DRAINED):
        return f"it is {status.phase}"
    return None


def decide_shrink(crew: Crew, minimum: int, bus: BusWork | None) -> Shrinking:
    """What becomes of one workload of a release that may shrink. `bus` None: the app has none."""
    busy = [worker for worker in crew.workers if not worker.idle]
    # Without a pod nobody exports the metric: no answer is unknown, and the release would stay for ever (B1).
    minimum = max(1, minimum)
    wanted = max(minimum, len(busy))
    # A mark that is no longer true goes whatever else is decided: somebody else may lower the number.
    mended = {w.name: BUSY_COST for w in busy if w.cost < 0 and w.tasks}
    why = _left_alone(crew) or _work_waiting(bus)
    if why is None and wanted >= crew.replicas:
        why = f"{len(busy)} of {crew.replicas} pods are busy, {minimum} stay in any case"
    if why is None and (unready := sorted(w.name for w in busy if not w.ready)):
        # Readiness counts before cost: it would be the first to go.
        why = f"pod {unready[0]} is not ready, and may be busy"
    if why is None and (marked := sorted(w.name for w in busy if w.cost < 0 and not w.tasks)):
        # Whoever marked it knows more, and may be about to lower the number: a mark that is taken off out of ignorance
        # makes it equal to a busy one.
        why = f"pod {marked[0]} is marked to go first, and may be busy"
    if why is not None:
        return Shrinking(crew.workload, why, mended)
    said = f"{len(busy)} of {crew.replicas} pods are busy"
    if wrong := _wrong_costs(crew.workers):
        return Shrinking(crew.workload, f"{said}: the idle ones are marked to go first", wrong)
    return Shrinking(crew.workload, f"{said}: {crew.replicas - wanted} idle may go", {}, wanted)


def glimpsed(scrapes: Sequence[Scrape], tasks: Sequence[float], max_age: timedelta, now: datetime) -> Glimpse | None:
    """What a look saw of a pod, by all its targets and the one number of it; None when that is no clear answer."""
    if not scrapes or len(tasks) != 1 or not math.isfinite(tasks[0]) or tasks[0] < 0:
        return None
    if any(not scrape.up or not -CLOCK_TOLERANCE <= scrape.age <= max_age for scrape in scrapes):
        return None
    oldest = min(scrapes, key=lambda scrape: scrape.at)
    # By our own clock with the age that Prometheus gives, so that their clocks need not agree.
    return Glimpse(oldest.at, now - oldest.age, tasks[0])


def idle_scrapes(glimpses: Sequence[Glimpse], since: datetime | None) -> int:
    """How many of the last scrapes of a pod, each later than the one before, found it idle.

    Those before `since` do not count: it may have been given something afterwards. None: the app has no bus.
    """
    count, later = 0, None
    for glimpse in reversed(glimpses):
        if glimpse.tasks != 0 or (since is not None and glimpse.at < since):
            break
        if later is None or glimpse.scraped < later:
            count, later = count + 1, glimpse.scraped
    return count


def quiet(before: Quiet | None, at: datetime, bus: BusWork | None) -> Quiet | None:
    """Since when the bus is quiet, after a look at it at this time; None when it is not known."""
    if bus is None or bus.problem is not None:
        return None
    return before if before is not None and before.delivered == bus.delivered else Quiet(at, bus.delivered)


def added(glimpses: Sequence[Glimpse], glimpse: Glimpse | None) -> tuple[Glimpse, ...]:
    """What is known of a pod after one more look. A look without an answer takes all of it back."""
    if glimpse is None:
        return ()
    older = [g for g in glimpses if g.scraped < glimpse.scraped]
    return (*older[1 - IDLE_SCRAPES :], glimpse)


def _left_alone(crew: Crew) -> str | None:
    if crew.autoscaler is not None:
        return f"HorizontalPodAutoscaler {crew.autoscaler} scales it"
    if crew.unsteady is not None:
        return crew.unsteady
    if len(crew.workers) != crew.replicas:
        return f"{len(crew.workers)} of {crew.replicas} pods are there"
    return None


def _work_waiting(bus: BusWork | None) -> str | None:
    """While anything waits on the bus, any pod may be given it at the next moment: all stay."""
    if bus is None:
        return None
    if bus.problem is not None:
        return bus.problem
    return f"tasks wait on the bus: {bus.pending}" if bus.pending else None


def _wrong_costs(workers: Sequence[Worker]) -> dict[str, int]:
    wanted = {worker.name: IDLE_COST if worker.idle else BUSY_COST for worker in workers}
    return {worker.name: wanted[worker.name] for worker in workers if worker.cost != wanted[worker.name]}
