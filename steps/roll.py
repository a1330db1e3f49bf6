"""Roll an app to the release, in place: with `strategy: rolling` all of it, else what `rolling.workloads` names (F2).

Users get the new pods as they become ready, before any test: there is no second set of pods to be tested. A release
that is not ready by its deadline is undone by itself; one whose tests fail is undone by the step `undo`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rainbow.adapters.kube import Kube
from rainbow.adapters.lock import Lock, holding
from rainbow.adapters.policies import read_policy
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.rolling import ROLLING, read_rolled
from rainbow.adapters.routes import read_route
from rainbow.adapters.world import World
from rainbow.decisions.rendering import describe
from rainbow.decisions.roll import Act, RollDecision, decide_roll
from rainbow.decisions.schema import misfit
from rainbow.decisions.switch import held
from rainbow.errors import Conflict, Refused, TemporaryError
from rainbow.model.release import ObjectRef, Phase, Release
from steps import deploy
from steps.failure import has_lived, marked_as_failed
from steps.rolling import RollFailed, objects_of_roll, roll
from steps.shape import StepParams
from steps.undoing import roll_back

OUTPUTS: Mapping[str, str] = {}

# What `deploy` needs, of which it is the other form; and which Deployments somebody else scales.
RULES: list[dict[str, Any]] = [*deploy.RULES, *(rule for rule in ROLLING if "autoscaling" in rule["apiGroups"])]

ATTEMPTS = 5  # times that the record may change between reading and writing it


class Params(StepParams):
    """Parameters of `roll`."""


def run(params: Params, world: World) -> None:
    """Roll. Raises Refused when a rule forbids it, PermanentError when it failed and was undone."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    if not release.spec.app.rolls:
        world.say(f"nothing of app {release.app} is rolled (`rolling` in rainbow.yaml)")
        return
    if params.dry_run:
        decision = decide(world.kube, release)
        world.say(f"roll would {decision.act}: {decision.reason}")
        for obj in objects_of_roll(release) if decision.act is Act.ROLL else ():
            world.say(f"  {describe(obj)}")
        return
    with marked_as_failed(world, release):
        _obey(decide(world.kube, release))
        with holding(world, release, on_route=_token(world.kube, release), carried=True) as lock:
            decision = decide(world.kube, release)  # whose turn it was before may have changed it all
            _obey(decision)
            release = _note(world, release, begun=True)
            _obey(decide(world.kube, release))  # a contract that began before that note has not seen it
            _roll(world, release, decision, lock)
            if release.rolled:
                _note(world, release, begun=False)


def decide(kube: Kube, release: Release) -> RollDecision:
    """Read everything and decide."""
    if release.status.phase is Phase.DELETED:
        again = f"rainbow redeploy -n {release.namespace} {release.app} {release.id}"
        return RollDecision(Act.REFUSE, f"release {release.id} has been deleted; to have it again: {again}")
    at = read_rolled(kube, release.namespace, release.app)
    route = read_route(kube, release.spec.app, though_gone=True)
    mark = read_policy(kube, release.namespace, release.app).spec.hold
    hold = None if mark is None else held(release.namespace, release.app, mark)
    releases = list_releases(kube, release.namespace, release.app)
    if (wrong := misfit(release, releases)) is not None:
        return RollDecision(Act.REFUSE, wrong)
    return decide_roll(release, at, route, releases, hold)


def _token(kube: Kube, release: Release) -> int:
    at = read_rolled(kube, release.namespace, release.app)
    return (at.last.token or 0) if at else 0


def _obey(decision: RollDecision) -> None:
    if decision.act is Act.REFUSE:
        raise Refused(f"not rolled: {decision.reason}")


def _roll(world: World, release: Release, decision: RollDecision, lock: Lock) -> None:
    world.say(decision.reason)
    try:
        roll(world, release, lock, before=decision.before)
    except RollFailed as error:
        if decision.before is None:
            raise RollFailed(f"{error}\nThere is no release before it to go back to, so it stays as it is.") from error
        world.say(f"{error}\nundoing it")
        roll_back(world, release, decision.before, lock)
        raise RollFailed(f"{error}\nIt was undone: the app is at release {decision.before} again.") from error


def _note(world: World, release: Release, *, begun: bool) -> Release:
    """The inventory before anything is applied, and that it is deployed after it was."""
    for _ in range(ATTEMPTS):
        release = read_release(world.kube, release.namespace, release.app, release.id)
        if release.status.phase is Phase.DELETED:
            raise Refused(f"release {release.id} of app {release.app} has been deleted meanwhile")
        changes: dict[str, Any] = {} if has_lived(release) else {"phase": Phase.PENDING if begun else Phase.TESTING}
        if begun:
            refs = [_ref(obj) for obj in objects_of_roll(release)]
            changes["objects"] = [*release.status.objects, *(ref for ref in refs if ref not in release.status.objects)]
        else:
            changes |= {"deployed_at": world.clock.now(), "failed_at": None, "message": None}
        try:
            return note_if_unchanged(world.kube, release, **changes)
        except Conflict:
            continue
    raise TemporaryError(f"Release {release.namespace}/{release.name} is being written by others all the time")


def _ref(obj: dict[str, Any]) -> ObjectRef:
    return ObjectRef(api_version=obj["apiVersion"], kind=obj["kind"], name=obj["metadata"]["name"])
