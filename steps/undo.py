"""Undo a release that was rolled and then failed, as by its tests: roll the app back to the release before (F2).

Nothing is done to one that has become current; that is what a rollback is for. It never ends well: a workflow in which
it succeeded would go on as if nothing had failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rainbow.adapters.kube import Kube
from rainbow.adapters.lock import holding
from rainbow.adapters.records import list_releases, read_release
from rainbow.adapters.rolling import read_rolled
from rainbow.adapters.world import World
from rainbow.decisions.roll import Act, RollDecision, decide_undo
from rainbow.errors import PermanentError, Refused
from rainbow.model.release import Phase, Release
from steps import roll
from steps.failure import mark_failed
from steps.shape import StepParams
from steps.undoing import roll_back

OUTPUTS: Mapping[str, str] = {}
RULES: list[dict[str, Any]] = [*roll.RULES]


class Params(StepParams):
    """The release that failed."""


def run(params: Params, world: World) -> None:
    """Undo. Raises PermanentError in any case, as the release has failed: Refused when there is nothing to undo."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    decision, token = _look(world.kube, release)
    if params.dry_run:
        world.say(f"undo would {decision.act}: {decision.reason}")
        return
    if decision.act is Act.NOTHING:
        raise Refused(f"nothing to undo: {decision.reason}")
    with holding(world, release, on_route=token) as lock:
        decision, _ = _look(world.kube, release)
        if decision.act is not Act.UNDO or decision.before is None:
            raise Refused(f"nothing to undo any more: {decision.reason}")
        world.say(decision.reason)
        roll_back(world, release, decision.before, lock)
    why = f"release {release.id} of {release.app} was undone, the app is at {decision.before} again"
    why_failed = release.status.message or "it failed"
    if release.status.phase is not Phase.FAILED:  # a Retry would switch to what is left of it
        mark_failed(world, release, f"{why}: {why_failed}")
    raise PermanentError(f"{why}: {why_failed}. Mend it and release anew")


def _look(kube: Kube, release: Release) -> tuple[RollDecision, int]:
    release = read_release(kube, release.namespace, release.app, release.id)
    at = read_rolled(kube, release.namespace, release.app)
    decision = decide_undo(release, at, list_releases(kube, release.namespace, release.app))
    return decision, (at.last.token or 0) if at else 0
