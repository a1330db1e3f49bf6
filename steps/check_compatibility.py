"""Run the tests of the release that is current against the new one: what it promised its clients still holds (C5).

Beside the release's own tests, and before its switch. Those tests come from the current release's own record, image and
all. A release that breaks with the past on purpose says why (`breaks` in rainbow.yaml), and is not held against them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rainbow.adapters.kube import POD
from rainbow.adapters.lock import Lock
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.routes.rights import ROUTE_READING
from rainbow.adapters.world import World
from rainbow.decisions.compatibility import Act, CompatibilityDecision, begun, decide_compatibility, found
from rainbow.errors import BadInput, Conflict, PermanentError, Refused, TemporaryError
from rainbow.model.release import Compatibility, Phase, Promise, Release, ReleaseStatus
from steps.failure import has_lived, marked_as_failed
from steps.shape import StepParams
from steps.testing import TESTING, Trial, asked_service, check_rolled, judge, release_url, run_trial, turn, users_of

OUTPUTS: Mapping[str, str] = {}

# What every step that tests needs; and which release is current.
RULES: list[dict[str, Any]] = [*TESTING, *ROUTE_READING]

STEP = "check-compatibility"
ATTEMPTS = 5  # times that the record may change between reading and writing it
LONGEST = 1000  # characters of a reason on the record; the whole is in the step's log


class Params(StepParams):
    """Parameters of `check-compatibility`."""


def run(params: Params, world: World) -> None:
    """Check. Raises PermanentError, with the last lines of those tests, when the release breaks a promise."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    _refuse_deleted(release)
    check_rolled(world, release)
    decision = _decide(world, release)
    if params.dry_run:
        _preview(world, release, decision)
        return
    if decision.act is Act.CHECK and release.status.deployed_at is None:
        raise BadInput(f"release {release.id} of app {release.app} is not deployed; run the step deploy first")
    with marked_as_failed(world, release), turn(world, release) as lock:
        if decision.act is Act.REFUSE:
            raise Refused(f"release {release.id} of {release.app} cannot be checked: {decision.reason}")
        if decision.act is Act.CHECK:
            _check(world, release, decision, lock)
            return
        world.say(f"nothing to check: {decision.reason}")
        if (compatibility := decision.found) is not None:
            _write(world, release, lambda status: found(status, compatibility))


def _decide(world: World, release: Release) -> CompatibilityDecision:
    route = read_route(world.kube, release.spec.app, though_gone=True)
    return decide_compatibility(release, route, list_releases(world.kube, release.namespace, release.app))


def _trial(release: Release, decision: CompatibilityDecision) -> Trial:
    current = decision.current
    assert current is not None  # noqa: S101 - whose tests are run is decided
    assert current.spec.app.tests is not None  # noqa: S101
    return Trial(STEP, release, current, current.spec.app.tests)


def _preview(world: World, release: Release, decision: CompatibilityDecision) -> None:
    world.say(f"check-compatibility would {decision.act}: {decision.reason}")
    if decision.act is Act.CHECK:
        trial = _trial(release, decision)
        world.say(f"it would run {trial.image} against {release_url(asked_service(world, trial))}")


def _check(world: World, release: Release, decision: CompatibilityDecision, lock: Lock) -> None:
    _write(world, release, lambda status: {} if has_lived(release) else begun(status))
    trial = _trial(release, decision)
    world.say(f"release {trial.author.id} is current: what its tests ask is promised to its clients")
    promise, why = Promise.KEPT, f"the tests of {trial.author.id} passed against {release.id}"
    try:
        end = run_trial(world, trial, lock)
        if (failure := judge(trial, end)) is not None:
            promise, why = (Promise.BROKEN if failure.ran else Promise.UNKNOWN), failure.why
    except BadInput as error:
        promise, why = Promise.BROKEN, f"its tests ask what is not there any more: {error}"
    compatibility = Compatibility(release=trial.author.id, promise=promise, reason=why[:LONGEST])
    _write(world, release, lambda status: found(status, compatibility))
    if promise is not Promise.KEPT:
        raise PermanentError(_broken(trial, promise, why))
    world.say(f"release {release.id} keeps what {trial.author.id} promised its clients: {why}")
    world.kube.delete(POD, release.namespace, trial.pod, uid=end.uid)


def _broken(trial: Trial, promise: Promise, why: str) -> str:
    new, current, users = trial.release.id, trial.author.id, users_of(trial.release)
    if promise is Promise.UNKNOWN:
        again = "release anew" if trial.release.spec.app.rolls else "retry this step"
        return (
            f"whether release {new} keeps what release {current} promises its clients is not known: {why}\n"
            f"{users}. Mend it and {again}."
        )
    on_purpose = (
        f"; or, if it has to break with {current}, say why (`breaks` in rainbow.yaml), and its clients keep the route "
        "of their release"
    )
    return (
        f"release {new} breaks what release {current} promises its clients: {why}\n"
        f"{users}. Mend it and release anew{'' if trial.release.rolled else on_purpose}."
    )


def _refuse_deleted(release: Release) -> None:
    if release.status.phase is Phase.DELETED:
        raise Refused(f"release {release.id} of app {release.app} has been deleted; there is nothing to check")


def _write(world: World, release: Release, changes: Callable[[ReleaseStatus], dict[str, Any]]) -> None:
    """Write what follows from the record as it is; the release's own tests write on it at the same time."""
    for _ in range(ATTEMPTS):
        latest = read_release(world.kube, release.namespace, release.app, release.id)
        _refuse_deleted(latest)
        try:
            if wanted := changes(latest.status):
                note_if_unchanged(world.kube, latest, **wanted)
            return
        except Conflict:
            continue
    raise TemporaryError(f"Release {release.namespace}/{release.name} is being written by others all the time")
