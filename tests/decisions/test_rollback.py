"""Which release a rollback leads to, and when it must not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.rollback import Act, RollbackDecision, RollbackFacts, Wish, decide_rollback
from rainbow.model.release import Mark, Phase, Release
from rainbow.model.route import RouteState
from tests.decisions.make import HOUR, NOW, app, release

MARK = Mark(reason="errors", by="ada", at=NOW - HOUR)


def _current(name: str = "v3", previous: str | None = "v2", *, minutes_ago: int = 60) -> RouteState:
    at = NOW - timedelta(minutes=minutes_ago)
    return RouteState(True, name, "7", frozenset({f"api-{name}"}), switched_at=at, previous=previous)


def _older(name: str, *, hours: int, **status: Any) -> Release:
    """Replaced so many hours ago."""
    plain = {"phase": Phase.DRAINING, "demoted_at": NOW - hours * HOUR}
    return release(name, created=NOW - (hours + 9) * HOUR, **(plain | status))


def _decide(
    *releases: Release, route: RouteState | None = None, hold: Mark | None = None, **wish: Any
) -> RollbackDecision:
    there = [*releases, release("v3", phase=Phase.CURRENT, demoted_at=None)]
    facts = RollbackFacts("spawn", "spawn", route or _current(), there, hold)
    return decide_rollback(facts, Wish(**wish), NOW)


V1, V2 = _older("v1", hours=5), _older("v2", hours=1)


@pytest.mark.parametrize(
    ("what", "releases", "target"),
    [
        ("the one before", [V1, V2], "v2"),
        ("the one before was rolled back from", [V1, _older("v2", hours=1, rejected=MARK)], "v1"),
        ("the one before is deleted", [V1, _older("v2", hours=1, phase=Phase.DELETED, deleted_at=NOW)], "v1"),
        ("the one before is drained", [V1, _older("v2", hours=1, phase=Phase.DRAINED)], "v2"),
        (
            "its own switch was killed before any note",
            [V1, _older("v2", hours=1, phase=Phase.READY, live_at=None)],
            "v2",
        ),
        ("its replacement was", [V1, _older("v2", hours=1, phase=Phase.CURRENT, demoted_at=None)], "v2"),
        (
            "one that waits to be switched to is none",
            [V1, _older("v9", hours=0, phase=Phase.READY, live_at=None)],
            "v1",
        ),
    ],
)
def test_without_a_name_it_is_the_last_one_that_can_be_gone_back_to(
    what: str, releases: list[Release], target: str
) -> None:
    """S10."""
    decision = _decide(*releases)
    assert (decision.act, decision.target, decision.rejected) == (Act.SWITCH, target, "v3"), what


def test_the_route_knows_who_was_before_and_else_the_time_does() -> None:
    """A person who had switched to v1 by hand for a while goes back to where they came from."""
    assert _decide(V1, V2, route=_current(previous="v1")).target == "v1"
    assert _decide(V1, V2, route=_current(previous=None)).target == "v2"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"phase": Phase.DELETED, "deleted_at": NOW}, "rainbow redeploy -n spawn spawn v2"),
        ({"phase": Phase.READY, "live_at": None}, "never carried traffic"),
        ({"phase": Phase.FAILED, "live_at": None}, "never carried traffic"),
        ({"rejected": MARK}, "was itself rolled back from by ada"),
    ],
)
def test_a_release_that_cannot_be_gone_back_to_is_refused_with_the_reason(status: dict[str, Any], said: str) -> None:
    """By name as well."""
    decision = _decide(_older("v2", hours=1, **status), route=_current(previous="v1"), release="v2")
    assert decision.act is Act.REFUSE
    assert said in "; ".join(decision.reasons)


def test_one_that_is_only_announced_to_be_deleted_is_still_there() -> None:
    """Nothing of it is gone, and whoever writes its record first wins."""
    announced = _older("v2", hours=1, phase=Phase.DELETED)
    assert _decide(announced, release="v2").act is Act.SWITCH


def test_a_held_app_is_rolled_back_only_on_purpose() -> None:
    """B5: and the message says who holds it."""
    refused = _decide(V2, hold=MARK)
    assert refused.act is Act.REFUSE
    assert "app spawn is held by ada" in refused.reasons[0]
    assert _decide(V2, hold=MARK, despite_hold=True).act is Act.SWITCH


def test_with_nobody_to_go_back_to_it_says_what_could_be_redeployed() -> None:
    """All others are gone, or there never were any."""
    assert _decide().act is Act.REFUSE
    decision = _decide(_older("v2", hours=1, phase=Phase.DELETED, deleted_at=NOW))
    assert "(v2): rainbow redeploy -n spawn spawn RELEASE" in decision.reasons[1]


def test_a_route_that_leads_to_no_release_is_not_rolled_back() -> None:
    """What the users have now is unknown."""
    route = RouteState(exists=False, current=None, resource_version=None, services=frozenset())
    assert _decide(V2, route=route).act is Act.REFUSE


@pytest.mark.parametrize(
    ("what", "minutes_since_asked", "minutes_since_switch", "name", "act"),
    [
        ("just now", 0, 60, "v1", Act.SWITCH),
        ("a retry a while later, nothing else has happened", 120, 180, "v1", Act.SWITCH),
        ("something was switched while it was starting", 2, 1, "v1", Act.SWITCH),
        ("and nobody had said where to go back to", 2, 1, None, Act.REFUSE),
        ("something was switched long since it was asked for", 120, 60, "v1", Act.REFUSE),
    ],
)
def test_a_wish_is_not_carried_out_long_after_the_world_has_changed(
    what: str, minutes_since_asked: int, minutes_since_switch: int, name: str | None, act: Act
) -> None:
    """Retry on an old workflow; a rollback under way wins all the same over a release under way."""
    asked = NOW - timedelta(minutes=minutes_since_asked)
    route = _current(minutes_ago=minutes_since_switch)
    decision = _decide(V1, V2, route=route, release=name, asked_at=asked)
    assert decision.act is act, what


def test_who_names_the_release_to_leave_is_never_late() -> None:
    """A bake ends hours after the workflow that it is part of was submitted; the route was switched in between."""
    decision = _decide(V1, V2, release="v2", from_release="v3", asked_at=NOW - 5 * HOUR)
    assert (decision.act, decision.target) == (Act.SWITCH, "v2")
    assert _decide(V1, V2, release="v2", from_release="v9", asked_at=NOW - 5 * HOUR).act is Act.NOTHING


@given(
    phases=st.lists(st.sampled_from(Phase), min_size=2, max_size=2),
    rejected=st.lists(st.sampled_from([None, MARK]), min_size=2, max_size=2),
    name=st.sampled_from([None, "v1", "v2", "v3"]),
    previous=st.sampled_from([None, "v1", "v2"]),
)
def test_whatever_the_state_it_leads_to_one_that_is_there_and_was_current(
    phases: list[Phase], rejected: list[Mark | None], name: str | None, previous: str | None
) -> None:
    """And never from a release to itself, nor to one that was rolled back from."""
    others = [
        _older(f"v{n + 1}", hours=5 - n, phase=phase, rejected=mark, deleted_at=NOW if phase is Phase.DELETED else None)
        for n, (phase, mark) in enumerate(zip(phases, rejected, strict=True))
    ]
    decision = _decide(*others, route=_current(previous=previous), release=name)
    if decision.act is Act.SWITCH:
        target = next(r for r in others if r.id == decision.target)
        assert target.status.deleted_at is None
        assert target.status.rejected is None
        assert target.status.live_at is not None
        assert decision.rejected == "v3"


def _by(route: str, found: Release) -> Release:
    config = app(route={"ingress": {"name": route, "url": "http://proxy"}})
    return found.model_copy(update={"spec": found.spec.model_copy(update={"app": config})})


def test_one_that_has_another_route_than_the_current_one_is_no_place_to_go_back_to() -> None:
    """By name it is refused and says which routes; without a name, one of the same route is found, or none."""
    for wish in ({"release": "v2"}, {"release": "v2", "despite_hold": True, "allow_rejected": True}, {}):
        decision = _decide(_by("old", V2), **wish)
        assert (decision.act, decision.rejected) == (Act.REFUSE, None)
        assert "release v2 has the route ingress old, and users are led to v3 by ingress spawn" in decision.reasons[-1]
    assert _decide(V1, _by("old", V2)).target == "v1"
