"""Run the app's integration tests against the release before it carries traffic.

What a pod of tests is, and when it has passed, is in steps/testing.py. The tests of the release that is current may be
run against this one at the same time (`check-compatibility`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from rainbow.adapters.kube import POD
from rainbow.adapters.records import note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.decisions.compatibility import stands_in_the_way
from rainbow.errors import BadInput, Conflict, PermanentError, Refused
from rainbow.model.release import Phase, Release
from steps.failure import has_lived, marked_as_failed, take_up
from steps.shape import StepParams
from steps.testing import TESTING, Trial, asked_service, check_rolled, judge, release_url, run_trial, turn, users_of

OUTPUTS: Mapping[str, str] = {}
RULES: list[dict[str, Any]] = [*TESTING]
STEP = "run-tests"


class Params(StepParams):
    """Parameters of `run-tests`."""


def run(params: Params, world: World) -> None:
    """Test. Raises PermanentError, with the last lines of their log, when the tests fail or cannot be run."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    _refuse_deleted(release)
    check_rolled(world, release)
    tests = release.spec.app.tests
    if tests is None:
        world.say(f"app {release.app} has no tests (`tests` in rainbow.yaml): nothing is asked of release {release.id}")
        if not params.dry_run:
            with turn(world, release):
                _note_passed(world, release)
        return
    if release.status.deployed_at is None:
        raise BadInput(f"release {release.id} of app {release.app} is not deployed; run the step deploy first")
    trial = Trial(STEP, release, release, tests)
    if params.dry_run:
        world.say(f"run-tests would run {trial.image} against {release_url(asked_service(world, trial))}")
        return
    if not stands_in_the_way(release.status):
        release = take_up(world, release, Phase.TESTING)
    with marked_as_failed(world, release), turn(world, release) as lock:
        end = run_trial(world, trial, lock)
        if (failure := judge(trial, end)) is not None:
            again = "" if release.spec.app.rolls else ", or retry this step"
            raise PermanentError(f"{failure.why}\n{users_of(release)}. Mend it and release anew{again}.")
        _note_passed(world, release)
    world.kube.delete(POD, release.namespace, trial.pod, uid=end.uid)


def _refuse_deleted(release: Release) -> None:
    if release.status.phase == Phase.DELETED:
        raise Refused(f"release {release.id} of app {release.app} has been deleted; there is nothing to test")


def _note_passed(world: World, release: Release) -> None:
    attempts = Retrying(stop=stop_after_attempt(5), retry=retry_if_exception_type(Conflict), reraise=True)
    attempts(_note_unless_deleted, world, release)
    world.say(f"release {release.id} has passed" if release.spec.app.tests else f"release {release.id} is Ready")


def _note_unless_deleted(world: World, release: Release) -> None:
    latest = read_release(world.kube, release.namespace, release.app, release.id)
    _refuse_deleted(latest)
    passed: dict[str, Any] = {}
    if not has_lived(latest) and not stands_in_the_way(latest.status):
        passed = {"phase": Phase.READY, "failed_at": None, "message": None}
    note_if_unchanged(world.kube, latest, tested_at=world.clock.now(), **passed)  # a deletion may begin just now
