"""Whether a release keeps what the current one promised its clients: when that is asked, and what `switch` wants."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from rainbow.decisions.compatibility import (
    Act,
    begun,
    decide_compatibility,
    found,
    stands_in_the_way,
    unproven,
)
from rainbow.model.release import Compatibility, Phase, Promise, Release, ReleaseSpec, ReleaseStatus
from rainbow.model.route import RouteState
from tests.decisions.make import HOUR, NOW, app, release

TESTS = {"tests": {"image": "web-tests", "service": "web"}}
BREAKS = {"breaks": "the field `name` is gone", "route": {"ingress": {"name": "spawn", "url": "http://p"}}}
BREAKS["route"] |= {"releases": {"path": "/of/$release"}}  # type: ignore[operator]
NOWHERE = RouteState(False, None, None, frozenset())


def current(**config: Any) -> Release:
    """v1, which is current, with tests unless told otherwise."""
    return _of(release("v1", created=NOW - 9 * HOUR, phase=Phase.CURRENT), **(config or TESTS))


def new(*, ago: timedelta = HOUR, compatibility: Compatibility | None = None, **config: Any) -> Release:
    """v2, which is deployed."""
    made = release("v2", created=NOW - ago, phase=Phase.TESTING, live_at=None, compatibility=compatibility)
    return _of(made, **config)


def _of(found: Release, given: dict[str, str] | None = None, **config: Any) -> Release:
    spec = ReleaseSpec(release=found.id, app=app(**config), manifests="", images=given or {})
    return found.model_copy(update={"spec": spec})


def on(name: str) -> RouteState:
    """The route leads to this release."""
    return RouteState(True, name, "7", frozenset({f"web-{name}"}))


def says(promise: Promise, of: str | None = "v1") -> Compatibility:
    """What the record has."""
    return Compatibility(release=of, promise=promise, reason="what was found")


KEPT, BROKEN, WAIVED, UNKNOWN = map(says, Promise)
BUILT = TESTS | {"images": {"web-tests": {}}}
CASES: dict[str, tuple[Release | None, Release, Act, Promise | None, str]] = {
    "there is no route yet": (None, new(), Act.NOTHING, Promise.KEPT, "no release is current"),
    "the current one has no tests": (current(tests=None), new(), Act.NOTHING, Promise.KEPT, "has no tests"),
    "the current one has tests": (current(), new(), Act.CHECK, None, "the tests of v1 are run against v2"),
    "the new one has none itself": (current(), new(tests=None), Act.CHECK, None, "the tests of v1"),
    "it was checked before": (current(), new(compatibility=KEPT), Act.NOTHING, None, "what was found"),
    "it was found to break them": (current(), new(compatibility=BROKEN), Act.CHECK, None, "the tests of v1"),
    "they could not be run": (current(), new(compatibility=UNKNOWN), Act.CHECK, None, "the tests of v1"),
    "it was held against another": (current(), new(compatibility=says(Promise.KEPT, "v0")), Act.CHECK, None, "of v1"),
    "it breaks them on purpose": (current(), new(**BREAKS), Act.NOTHING, Promise.WAIVED, "the field `name` is gone"),
    "it is older": (current(), new(ago=20 * HOUR), Act.NOTHING, Promise.KEPT, "to go back is a person's word"),
    "their image was never known": (current(**BUILT), new(), Act.NOTHING, Promise.KEPT, "without an image"),
    "their image was given": (current(**BUILT, given={"web-tests": "r/t:1"}), new(), Act.CHECK, None, "of v1"),
    "it is current itself": (current(), current(), Act.NOTHING, Promise.KEPT, "is current itself"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_tests_of_the_current_release_are_run_when_it_made_a_promise(case: str) -> None:
    """Each with what the record is to say, when there is nothing to run."""
    there, coming, act, promise, why = CASES[case]
    route = NOWHERE if there is None else on(there.id)
    decision = decide_compatibility(coming, route, [coming, *([there] if there else [])])
    assert (decision.act, decision.found and decision.found.promise) == (act, promise)
    assert why in decision.reason


def test_what_nobody_can_read_is_not_taken_for_kept() -> None:
    """The route leads to a release without a record."""
    decision = decide_compatibility(new(), on("v7"), [new()])
    assert (decision.act, decision.found) == (Act.REFUSE, None)
    assert "v7 is current, and no record of it can be read" in decision.reason


def test_one_that_was_rolled_is_held_against_the_release_that_it_was_rolled_over() -> None:
    """It is at its place already when its tests run; a first one has nobody's promise to keep."""
    coming = new(strategy="rolling")
    over = RouteState(True, "v2", "7", frozenset({"web"}), previous="v1")
    assert decide_compatibility(coming, over, [coming, current()]).act is Act.CHECK
    first = RouteState(True, "v2", "7", frozenset({"web"}))
    assert decide_compatibility(coming, first, [coming]).act is Act.NOTHING


@pytest.mark.parametrize("case", CASES)
def test_what_there_is_nothing_to_check_about_does_not_stop_a_switch(case: str) -> None:
    """The two never disagree: what the step finds nothing to do about, `switch` wants nothing of."""
    there, coming, act, _, _ = CASES[case]
    stopped = unproven(coming, there)
    assert (stopped is not None) == (act is Act.CHECK)


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (None, "rainbow step check-compatibility --namespace spawn --app spawn --release v2"),
        (says(Promise.KEPT, "v0"), "was not held against the tests of v1, which is current, but that of v0"),
        (says(Promise.WAIVED, "v0"), "but that of v0"),
        (BROKEN, "what was found"),
        (UNKNOWN, "what was found"),
    ],
)
def test_a_switch_is_stopped_with_what_to_do(known: Compatibility | None, why: str) -> None:
    """It has to be the release that is current at that very moment, whichever was when the tests ran."""
    assert why in (unproven(new(compatibility=known), current()) or "")


def test_a_check_with_the_current_release_lets_it_pass() -> None:
    """The main way."""
    assert unproven(new(compatibility=KEPT), current()) is None
    assert unproven(new(compatibility=WAIVED), current()) is None


# --- beside the release's own tests -------------------------------------------------------------------------


def own_tests(status: ReleaseStatus, *, passed: bool) -> ReleaseStatus:
    """What `run-tests` writes at its end."""
    if not passed:
        return status.model_copy(update={"phase": Phase.FAILED})
    ready = {} if stands_in_the_way(status) else {"phase": Phase.READY}
    return status.model_copy(update={"tested_at": NOW} | ready)


def check(status: ReleaseStatus, promise: Promise) -> ReleaseStatus:
    """What `check-compatibility` writes at its end."""
    written = status.model_copy(update=found(status, says(promise)))
    failed = promise in (Promise.BROKEN, Promise.UNKNOWN)
    return written.model_copy(update={"phase": Phase.FAILED}) if failed else written


@pytest.mark.parametrize(("passed", "promise", "first"), list(product([True, False], Promise, ["tests", "check"])))
def test_whichever_ends_first_a_release_is_ready_only_with_both(passed: bool, promise: Promise, first: str) -> None:
    """One that passes takes nothing of the other's failure back."""
    status = ReleaseStatus(phase=Phase.TESTING, deployed_at=NOW - HOUR)
    if first == "tests":
        status = check(own_tests(status, passed=passed), promise)
    else:
        status = own_tests(check(status, promise), passed=passed)
    good = passed and promise in (Promise.KEPT, Promise.WAIVED)
    assert status.phase is (Phase.READY if good else Phase.FAILED)


@pytest.mark.parametrize("promise", [Promise.BROKEN, Promise.UNKNOWN])
@pytest.mark.parametrize("tested", [True, False])
def test_tried_again_it_takes_back_its_own_failure_and_no_other(promise: Promise, tested: bool) -> None:
    """Ready at the end if its own tests had passed; what has nothing to do with the check stays as it is."""
    times = {"deployed_at": NOW - HOUR, "tested_at": NOW if tested else None}
    status = ReleaseStatus(phase=Phase.FAILED, compatibility=says(promise), **times)
    status = status.model_copy(update=begun(status))
    assert (status.phase, status.compatibility) == (Phase.TESTING, None)
    assert check(status, Promise.KEPT).phase is (Phase.READY if tested else Phase.TESTING)
    others = ReleaseStatus(phase=Phase.FAILED, **times)
    assert begun(others) == {}


def test_tests_from_before_it_was_deployed_again_make_nothing_ready() -> None:
    """They were of what is not there any more."""
    status = ReleaseStatus(phase=Phase.TESTING, tested_at=NOW - 2 * HOUR, deployed_at=NOW)
    assert check(status, Promise.KEPT).phase is Phase.TESTING
