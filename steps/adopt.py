"""Make what runs as plain Deployments behind the app's route its first release, without touching a pod's template.

`rainbow adopt` writes the record: the base, and the images that run. This step labels the objects and the pods,
narrows what selects them, and notes the release as current; rainbow/decisions/adopt.py says why each is needed. Killed
at any line it can be run again; run again later, it labels the pods that were made since. From then on the app is
released, not applied: its plain objects belong to this release and go with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rainbow.adapters.adopting import ADOPTING, apply_change, read_facts
from rainbow.adapters.records import note_if_unchanged, read_release
from rainbow.adapters.routes.rights import ROUTE_READING
from rainbow.adapters.world import World
from rainbow.decisions.adopt import AdoptDecision, AdoptFacts, decide_adopt
from rainbow.decisions.switch import ALL, SWITCHING
from rainbow.errors import Conflict, Refused, TemporaryError
from rainbow.model.release import ObjectRef, Phase, Release
from steps.shape import Operation

INPUTS = ("app", "release", "reason", "by")
OUTPUTS: Mapping[str, str] = {}

RULES: list[dict[str, Any]] = [
    # the record, what is noted on it, and whether there are others
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # whether a release is current already; the route itself is not touched
    *ROUTE_READING,
    # what becomes the release
    *ADOPTING,
]

PASSES = 10  # times that something may have changed between reading and writing it


class Params(Operation):
    """Parameters of `adopt`; the release's record was written by `rainbow adopt`."""


def run(params: Params, world: World) -> None:
    """Adopt. Raises Refused when it cannot be done without harm, TemporaryError while a rollout is under way."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    if params.dry_run:
        preview(world, release)
        return
    said: set[str] = set()
    for _ in range(PASSES):
        facts = read_facts(world.kube, release)
        decision = _possible(release, decide_adopt(facts))
        for remark in decision.remarks:
            if remark not in said:
                world.say(f"note: {remark}")
                said.add(remark)
        try:
            if not decision.changes:
                _note_adopted(world, release, params)
                return
            _note_begun(world, release, facts)
            for change in decision.changes:
                apply_change(world.kube, change)
                world.say(change.what)
        except Conflict as error:
            world.say(f"somebody else wrote meanwhile, looking again: {error}")
        release = read_release(world.kube, params.namespace, params.app, params.release)
    raise TemporaryError(f"what runs of {params.app} in namespace {params.namespace} changes all the time; try again")


def preview(world: World, release: Release) -> None:
    """What would be done. The record need not be there yet."""
    decision = plan(world, release)
    world.say(f"adopt of {release.app} as {release.id} would make {len(decision.changes)} changes, restarting nothing:")
    for line in (*(change.what for change in decision.changes), *(f"note: {remark}" for remark in decision.remarks)):
        world.say(f"  {line}")


def plan(world: World, release: Release) -> AdoptDecision:
    """The decision, with nothing changed. Raises Refused, or TemporaryError, when it cannot be done (yet)."""
    return _possible(release, decide_adopt(read_facts(world.kube, release)))


def _possible(release: Release, decision: AdoptDecision) -> AdoptDecision:
    where = f"app {release.app} in namespace {release.namespace}"
    if decision.refusals:
        raise Refused(f"{where} cannot be adopted as {release.id}:\n  " + "\n  ".join(decision.refusals))
    if decision.waiting:
        raise TemporaryError(f"{where} cannot be adopted yet: {'; '.join(decision.waiting)}; run the step again")
    return decision


def _lived(release: Release) -> bool:
    return release.status.live_at is not None


def _note_begun(world: World, release: Release, facts: AdoptFacts) -> None:
    """Before anything is labelled: `delete` looks for objects by their labels, and keeps what is being switched to."""
    if _lived(release) or release.status.traffic == SWITCHING:
        return
    refs = [ObjectRef(api_version=o["apiVersion"], kind=o["kind"], name=o["metadata"]["name"]) for o in facts.base]
    note_if_unchanged(world.kube, release, objects=refs, traffic=SWITCHING)


def _note_adopted(world: World, release: Release, params: Params) -> None:
    if _lived(release):
        world.say(f"release {release.id} of {release.app} is adopted, all of its pods are labelled")
        return
    message = f"adopted by {params.by or 'unknown'}" + (f": {params.reason}" if params.reason else "")
    now = world.clock.now()
    note_if_unchanged(
        world.kube, release, phase=Phase.CURRENT, traffic=ALL, live_at=now, deployed_at=now, message=message
    )
    world.say(
        f"release {release.id} of {release.app} is current; no pod was restarted. Release from now on, apply the base "
        f"no more. What calls its Services by their plain names, past the route, has to change before {release.id} goes"
    )
