"""Whether the route may be pointed at a release."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.switch import Act, SwitchDecision, SwitchFacts, announced, decide_switch, recorded
from rainbow.model.release import Mark, Phase, Release
from rainbow.model.route import RouteState
from tests.decisions.make import HOUR, NOW, release

NO_ROUTE = RouteState(exists=False, current=None, resource_version=None, services=frozenset())
BASES = frozenset({"api"})


def _to(current: str | None, *, services: set[str] | None = None, plain: set[str] | None = None) -> RouteState:
    named = services if services is not None else {f"api-{current}"}
    return RouteState(True, current, "7", frozenset(named), frozenset(plain or ()))


def _release(name: str, phase: Phase = Phase.READY, *, hours_old: int = 1, **status: Any) -> Release:
    clean = {"live_at": None, "demoted_at": None}
    return release(name, created=NOW - hours_old * HOUR, **(clean | {"phase": phase} | status))


def _decide(route: RouteState, target: Release, *others: Release, **options: Any) -> SwitchDecision:
    facts = SwitchFacts(route=route, target=target, releases=[*others, target], bases=BASES)
    return decide_switch(facts, **options)


def test_the_first_release_creates_the_route() -> None:
    """There is nobody to take over from."""
    decision = _decide(NO_ROUTE, _release("v1"))
    assert (decision.act, decision.demoted) == (Act.CREATE, ())


def test_a_newer_tested_release_takes_over_and_the_one_before_is_demoted() -> None:
    """The main job."""
    decision = _decide(_to("v1"), _release("v2"), _release("v1", Phase.CURRENT, hours_old=5))
    assert (decision.act, decision.demoted) == (Act.PATCH, ("v1",))


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.TESTING, Phase.FAILED, Phase.DELETED])
@pytest.mark.parametrize("allow_older", [False, True])
def test_a_release_that_did_not_pass_its_tests_is_refused(phase: Phase, allow_older: bool) -> None:
    """S6: nobody's wish makes an untested, failed or deleted release current."""
    for route in (NO_ROUTE, _to("v1"), _to("v2")):
        decision = _decide(route, _release("v2", phase), _release("v1", Phase.CURRENT), allow_older=allow_older)
        assert decision.act == Act.REFUSE


def test_a_failed_release_is_refused_with_the_reason_of_its_failure() -> None:
    """The message saves a look into the record."""
    decision = _decide(NO_ROUTE, _release("v2", Phase.FAILED, message="tests exited with 1"))
    assert "tests exited with 1" in decision.reasons[0]


def test_killed_between_patch_and_notes_the_second_run_only_notes() -> None:
    """The route points at the target already; who was current before still says so in its record."""
    target = _release("v2", Phase.READY, traffic="switching")
    decision = _decide(_to("v2"), target, _release("v1", Phase.CURRENT, traffic="100%", hours_old=5))
    assert (decision.act, decision.demoted) == (Act.NOTHING, ("v1",))


def test_a_release_overtaken_by_a_newer_one_is_superseded() -> None:
    """Two releases switch at once; the slower, older one must not win."""
    decision = _decide(_to("v2"), _release("v1", hours_old=5), _release("v2", Phase.CURRENT))
    assert decision.act == Act.REFUSE
    assert "superseded: v2 is current and newer" in decision.reasons[0]
    assert decision.superseded


def test_a_release_that_was_live_before_does_not_come_back_by_a_retry() -> None:
    """Somebody went back to v1; pressing Retry on v2's workflow may not undo that."""
    target = _release("v2", Phase.DRAINING, live_at=NOW - 1 * HOUR, demoted_at=NOW)
    assert _decide(_to("v1"), target, _release("v1", Phase.CURRENT, hours_old=5)).act == Act.REFUSE


def test_a_person_may_bring_an_older_release_back() -> None:
    """What `--allow-older` is for."""
    target = _release("v1", Phase.DRAINED, hours_old=5, live_at=NOW - 4 * HOUR, demoted_at=NOW - HOUR)
    decision = _decide(_to("v2"), target, _release("v2", Phase.CURRENT), allow_older=True)
    assert (decision.act, decision.demoted) == (Act.PATCH, ("v2",))


def test_a_lost_route_is_not_made_again_by_an_older_release() -> None:
    """Somebody deleted the Ingress: the record of the current release says who has a right to it."""
    assert _decide(NO_ROUTE, _release("v1", hours_old=5), _release("v2", Phase.CURRENT)).act == Act.REFUSE


def test_a_route_to_what_is_no_release_is_refused_and_says_what_it_found() -> None:
    """Taking over a running app is another issue; guessing here would cut off its users."""
    for route in (_to(None, services={"api"}, plain={"api"}), _to("v1", services={"api", "api-v1"}, plain={"api"})):
        decision = _decide(route, _release("v2"), _release("v1", Phase.CURRENT, hours_old=5))
        assert decision.act == Act.REFUSE
        assert "api" in decision.reasons[0]


def test_a_foreign_service_beside_the_app_is_no_obstacle() -> None:
    """An Ingress may also lead to a Service that no release of the app has anything to do with."""
    route = _to("v1", services={"api-v1", "docs"}, plain={"docs"})
    assert _decide(route, _release("v2"), _release("v1", Phase.CURRENT, hours_old=5)).act == Act.PATCH


def test_a_route_to_nobody_is_refused() -> None:
    """It exists, but not for this app."""
    assert _decide(_to(None, services={"docs"}, plain={"docs"}), _release("v2")).act == Act.REFUSE


def test_a_route_to_a_release_without_record_is_refused() -> None:
    """Which of the two is newer cannot be known."""
    decision = _decide(_to("v9"), _release("v2"))
    assert decision.act == Act.REFUSE
    assert "no record can be read" in decision.reasons[0]
    assert "rainbow switch -n spawn spawn v2 --allow-older" in decision.reasons[1]
    assert _decide(_to("v9"), _release("v2"), allow_older=True).act == Act.PATCH


@pytest.mark.parametrize(
    ("status", "previous"),
    [
        ({"phase": Phase.CURRENT, "traffic": "100%", "live_at": NOW - HOUR}, "v2"),  # killed before any note
        ({"phase": Phase.CURRENT, "traffic": "100%", "live_at": NOW - HOUR}, None),  # moved by kubectl
        ({"traffic": "-"}, "v2"),  # and when its own switch had written nothing either
    ],
)
def test_a_rollback_that_was_cut_short_is_not_undone(status: dict[str, Any], previous: str | None) -> None:
    """Rule 5: a person went back to v1, and only the route knows; v2 is newer, and its record says current."""
    route, back = replace(_to("v1"), previous=previous), _release("v1", Phase.DRAINED, hours_old=5, traffic="switching")
    decision = _decide(route, _release("v2", **status), back)
    assert decision.act == Act.REFUSE
    assert "only a person brings it back" in decision.reasons[0]
    assert "rainbow switch -n spawn spawn v2 --allow-older" in decision.reasons[1]
    assert _decide(route, _release("v2", **status), back, allow_older=True).act == Act.PATCH


def test_the_mark_of_another_switch_is_no_obstacle() -> None:
    """It may be of a run that was killed; whoever moves the route first is seen by the other one."""
    marked = _release("v1", hours_old=5, traffic="switching")
    assert _decide(_to("v0"), _release("v2"), _release("v0", Phase.CURRENT, hours_old=9), marked).act == Act.PATCH


def test_the_current_release_makes_its_lost_route_again() -> None:
    """Somebody deleted the Ingress: that replaced nobody."""
    current = _release("v2", Phase.CURRENT, live_at=NOW - HOUR, traffic="100%")
    assert _decide(NO_ROUTE, current, _release("v1", hours_old=5)).act == Act.CREATE


def test_of_two_created_in_the_same_second_the_second_is_refused_and_told_what_to_do() -> None:
    """Nothing says which is newer, so a person does."""
    route, other = _to("v1"), _release("v1", Phase.CURRENT)
    decision = _decide(route, _release("v2"), other)
    assert decision.act == Act.REFUSE
    assert "same second" in decision.reasons[0]
    assert "rainbow switch -n spawn spawn v2 --allow-older" in decision.reasons[1]
    assert _decide(route, _release("v2"), other, allow_older=True).act == Act.PATCH


@pytest.mark.parametrize("switched_at", [None, NOW - HOUR])
def test_the_record_of_the_routed_release_is_live_since_the_switch(switched_at: datetime | None) -> None:
    """By what the switch left on the route; and nothing of an earlier end remains."""
    back = _release("v1", Phase.DRAINED, live_at=NOW - 9 * HOUR, demoted_at=NOW - 5 * HOUR, drained_at=NOW - 4 * HOUR)
    status = recorded(back, replace(_to("v1"), switched_at=switched_at), NOW)
    assert (status["phase"], status["traffic"], status["live_at"]) == (Phase.CURRENT, "100%", switched_at or NOW)
    assert (status["demoted_at"], status["drained_at"]) == (None, None)


@pytest.mark.parametrize(
    ("switched_at", "live_at"),
    [
        (None, NOW - 3 * HOUR),
        (NOW - 9 * HOUR, NOW - 3 * HOUR),
        (NOW - 3 * HOUR, NOW - 3 * HOUR),
        (NOW - HOUR, NOW - HOUR),
    ],
    ids=["adopted", "an old trace", "the same switch again", "it was away, and nobody has noted that"],
)
def test_a_release_that_stays_current_keeps_its_time(switched_at: datetime | None, live_at: datetime) -> None:
    """A second run of the same switch is no news; that users were led away and back is, though its record says current.

    By the old time who was current in between would be kept to be gone back to, and not this one.
    """
    current = _release("v1", Phase.CURRENT, live_at=NOW - 3 * HOUR)
    assert recorded(current, replace(_to("v1"), switched_at=switched_at), NOW)["live_at"] == live_at


def test_a_current_release_that_is_no_longer_routed_is_draining_from_now() -> None:
    """S9 counts from here. One that was never current is not demoted."""
    status = recorded(_release("v1", Phase.CURRENT, live_at=NOW - HOUR), _to("v2"), NOW)
    assert status == {"phase": Phase.DRAINING, "traffic": "-", "demoted_at": NOW}
    assert recorded(_release("v1", traffic="switching"), _to("v2"), NOW) == {"traffic": "-"}


@pytest.mark.parametrize(("traffic", "noted"), [("100%", "100%"), (None, "100%"), ("switching", "switching")])
def test_until_the_proxy_answered_from_the_next_one_it_still_carries_traffic(traffic: str | None, noted: str) -> None:
    """Rule 3: `delete` keeps what says so. The mark of another switch stays as it is."""
    before = _release("v1", Phase.CURRENT, live_at=NOW - HOUR, traffic=traffic)
    status = recorded(before, _to("v2"), NOW, answered=False)
    assert status == {"phase": Phase.DRAINING, "traffic": noted, "demoted_at": NOW}
    assert recorded(_release("v1", traffic=traffic), _to("v2"), NOW, answered=False) == {}


_releases = st.lists(
    st.builds(
        _release,
        st.sampled_from(["v1", "v2", "v3", "v4"]),
        st.sampled_from(Phase),
        hours_old=st.integers(0, 4),
        traffic=st.sampled_from([None, "-", "100%", "switching"]),
        demoted_at=st.sampled_from([None, NOW - timedelta(minutes=5)]),
    ),
    unique_by=lambda r: r.id,
    min_size=1,
)
_names = st.sampled_from([None, "v1", "v2", "v3", "v4"])
_routes = st.one_of(
    st.just(NO_ROUTE), st.builds(lambda to, previous: replace(_to(to), previous=previous), _names, _names)
)


@given(releases=_releases, route=_routes, older=st.booleans(), data=st.data())
def test_whatever_the_state_no_rule_is_broken(
    releases: list[Release], route: RouteState, older: bool, data: st.DataObject
) -> None:
    """The rules that may never break, over all states."""
    target = data.draw(st.sampled_from(releases))
    decision = decide_switch(SwitchFacts(route, target, releases, BASES), allow_older=older)
    assert decision.reasons
    assert target.id not in decision.demoted
    if decision.act in (Act.CREATE, Act.PATCH):
        assert target.status.phase in (Phase.READY, Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)
        current = next((r for r in releases if r.id == route.current), None)
        assert older or current is None or current.created < target.created
        assert older or route.previous != target.id
        assert decision.act == (Act.PATCH if route.exists else Act.CREATE)
    if decision.act != Act.REFUSE:
        recorded = {r.id for r in releases if r.status.phase == Phase.CURRENT}
        assert recorded - {target.id} <= set(decision.demoted), "nobody stays current by record only"


MARK = Mark(reason="errors", by="ada", at=NOW - timedelta(minutes=30))


def test_what_was_rolled_back_from_is_promoted_again_by_a_person_only() -> None:
    """Rule 5: whatever else its record has come to say, redeployed included."""
    target = _release("v2", rejected=MARK)
    decision = _decide(_to("v1"), target, _release("v1", Phase.CURRENT, hours_old=5))
    assert decision.act == Act.REFUSE
    assert "rolled back from by ada" in decision.reasons[0]
    assert not decision.superseded
    assert _decide(_to("v1"), target, _release("v1", Phase.CURRENT, hours_old=5), allow_older=True).act == Act.PATCH


@pytest.mark.parametrize(("hours_old", "act"), [(1, Act.REFUSE), (0, Act.PATCH)])
def test_a_rollback_ends_what_was_under_way_when_it_came(hours_old: int, act: Act) -> None:
    """v3 had begun before v2 was rolled back from; one that is submitted afterwards is what people want next."""
    left = _release("v2", Phase.DRAINING, hours_old=3, rejected=MARK, live_at=NOW - 2 * HOUR)
    decision = _decide(_to("v1"), _release("v3", hours_old=hours_old), _release("v1", Phase.CURRENT, hours_old=5), left)
    assert decision.act == act
    assert decision.superseded == (act == Act.REFUSE)


def test_a_redeployed_release_is_newer_than_the_one_that_replaced_it() -> None:
    """S11: by when it was taken up again; what the route remembers of its earlier life is over."""
    target = _release("v1", hours_old=9, redeployed_at=NOW - timedelta(minutes=5))
    route = replace(_to("v2"), previous="v1", switched_at=NOW - HOUR)
    assert _decide(route, target, _release("v2", Phase.CURRENT, hours_old=5)).act == Act.PATCH
    later = replace(route, switched_at=NOW)
    assert _decide(later, target, _release("v2", Phase.CURRENT, hours_old=5)).act == Act.REFUSE


def test_nothing_is_switched_while_the_app_is_held() -> None:
    """B5: not even by a person; finishing what was switched already is no switch."""
    others = [_release("v1", Phase.CURRENT, hours_old=5), _release("v2")]
    facts = SwitchFacts(_to("v1"), others[1], others, BASES, MARK)
    for allow_older in (False, True):
        decision = decide_switch(facts, allow_older=allow_older)
        assert decision.act == Act.REFUSE
        assert "app spawn is held by ada since" in decision.reasons[0]
        assert "rainbow resume -n spawn spawn" in decision.reasons[0]
    assert decide_switch(replace(facts, route=_to("v2"))).act == Act.NOTHING


def test_a_person_who_promotes_it_again_takes_the_mark_away() -> None:
    """The route was led to it after it had been rolled back from; while it is being rolled back from it was not."""
    rejected = _release("v2", Phase.CURRENT, live_at=NOW - HOUR, rejected=MARK)
    again = recorded(rejected, replace(_to("v2"), switched_at=NOW), NOW)
    assert again["rejected"] is None
    assert "rejected" not in recorded(rejected, replace(_to("v2"), switched_at=NOW - HOUR), NOW)


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ({"phase": Phase.DELETED, "drained_at": NOW}, Phase.DRAINED),
        ({"phase": Phase.DELETED, "drained_at": None}, Phase.DRAINING),
    ],
)
def test_a_deletion_that_was_only_announced_is_taken_back_by_a_person(status: dict[str, Any], phase: Phase) -> None:
    """Nothing of it is gone. Whoever writes its record first wins."""
    target = _release("v1", hours_old=5, live_at=NOW - HOUR, demoted_at=NOW, **status)
    assert _decide(_to("v2"), target, _release("v2", Phase.CURRENT), allow_older=True).act == Act.PATCH
    assert announced(target) == {"traffic": "switching", "sealed_at": None, "phase": phase}
