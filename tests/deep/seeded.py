"""Bugs that comparable systems had, or that are easily made, each put into the product by replacing one function.

The state machine has to find every one of them: else it would not find that bug when somebody makes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rainbow.adapters import bus as bus_adapter
from rainbow.adapters import drain, lock, seal, shrink_watch, survey
from rainbow.decisions import bus, evidence, keeping, retention, switch
from rainbow.decisions import drain as drain_decision
from rainbow.decisions.bake import Found, Look, Observation
from rainbow.decisions.evidence import DrainPolicy, Evidence, Sample
from rainbow.model.baking import Bake
from steps import bake, removal, switching
from steps import switch as switch_step

Patches = pytest.MonkeyPatch


def _read_as(change: Callable[[Evidence, DrainPolicy], tuple[Evidence, DrainPolicy]]) -> Callable[[Patches], None]:
    """A look whose evidence is another before it is judged."""
    judge = drain.judge

    def wrong(seen: Evidence, policy: DrainPolicy) -> Sample:
        return judge(*change(seen, policy))

    return lambda patches: patches.setattr(drain, "judge", wrong)


def _zero(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _instead(module: Any, name: str, answer: Any) -> Callable[[Patches], None]:
    """The function gives this, whatever it is asked."""
    return lambda patches: patches.setattr(module, name, lambda *_args, **_named: answer)


def _baked_as(change: Callable[[Look], Look]) -> Callable[[Patches], None]:
    judge = bake.judge

    def wrong(wanted: Bake, seen: Observation) -> Look:
        return change(judge(wanted, seen))

    return lambda patches: patches.setattr(bake, "judge", wrong)


def _unless(found: Found, taken_for: Found) -> Callable[[Look], Look]:
    return lambda look: replace(look, found=taken_for) if look.found is found else look


def _only_bake(*arguments: Any) -> dict[str, str]:
    return {name: why for name, why in keeping.kept_back(*arguments).items() if "bakes" in why}


def _without_bake(*arguments: Any) -> dict[str, str]:
    return {name: why for name, why in keeping.kept_back(*arguments).items() if "bakes" not in why}


def _any_sample(patches: Patches) -> None:
    _read_as(lambda e, p: (e, replace(p, max_age=timedelta(days=9))))(patches)
    patches.setattr(drain_decision, "zeros_in_a_row", lambda history, _since: len(history))


def _read_once(patches: Patches) -> None:
    read = removal.Removal.read

    def once(readings: removal.Removal, about: set[str] | None = None) -> Any:
        return read(readings) if about is None else readings.seen

    patches.setattr(removal.Removal, "read", once)
    patches.setattr(removal.Removal, "refresh", lambda _readings: None)
    patches.setattr(removal, "is_sealed", lambda _status: True)


SEEDED: dict[str, Callable[[Patches], None]] = {
    "NaN is counted as zero": _read_as(lambda e, p: (replace(e, tasks=tuple(map(_zero, e.tasks))), p)),
    "no series is counted as zero": _read_as(lambda e, p: (replace(e, tasks=e.tasks or (0.0,)), p)),
    "of several series the last one is used": _read_as(lambda e, p: (replace(e, tasks=e.tasks[-1:]), p)),
    "no answer is counted as zero": _read_as(lambda e, p: (replace(e, problem=None, tasks=e.tasks or (0.0,)), p)),
    "old samples count, again and again": _any_sample,
    "pods that are not scraped do not matter": _instead(evidence, "_not_scraped", None),
    "the bus is silent, so it has nothing": _instead(evidence, "_unheard", []),
    "what waits on the bus is no work": lambda patches: patches.setattr(
        bus.BusWork, "tasks", property(lambda work: work.unacknowledged)
    ),
    "consumers go with what they have left": lambda patches: patches.setattr(
        bus.Consumer, "left", property(lambda _consumer: None)
    ),
    "retention.keep is ignored": lambda patches: patches.setattr(survey, "kept_back", _only_bake),
    "nobody is kept for a breach": lambda patches: patches.setattr(survey, "kept_back", _without_bake),
    "the minimum age is ignored": _instead(retention, "too_young", None),
    "a hold is ignored": _instead(retention, "_held", None),
    "other routes are not looked at": _instead(survey, "referenced_services", {}),
    "a switch under way is not looked at": _instead(retention, "_blocked_by_switch", None),
    "the work is not looked at": _instead(retention, "_blocked_by_work", None),
    "nothing is sealed": _instead(seal, "close", None),
    "nothing is read again before it goes": _read_once,
    "a release that was replaced comes back": _instead(switch, "overtaken", None),
    "what failed its tests is switched to": _instead(switch, "_not_fit", ()),
    "the fencing token is not compared": _instead(lock.Lock, "check", None),
    "the mark is not looked at before the move": _instead(switching, "check_mark", None),
    "the mark is not set": lambda patches: patches.setattr(switching, "mark", lambda _world, target, _allowed: target),
    "approval is not asked for": _instead(switch_step, "_refuse_unapproved", None),
    "a breach is no breach": _baked_as(_unless(Found.BREACH, Found.GOOD)),
    "unknown is a pass": _baked_as(_unless(Found.UNKNOWN, Found.GOOD)),
    "unknown is a breach": _baked_as(_unless(Found.UNKNOWN, Found.BREACH)),
    "no traffic is a breach": _baked_as(_unless(Found.NO_TRAFFIC, Found.BREACH)),
    "a busy pod is taken for an idle one": _instead(shrink_watch, "idle_scrapes", 9),
    "what is on the bus stays there": _instead(bus_adapter, "remove_from_bus", {}),
}
