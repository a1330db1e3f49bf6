"""What retention keeps to be gone back to, and how many records stay (B4, B7, F1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rainbow.decisions.keeping import beyond_history, kept_back, making_way
from rainbow.model.release import Phase, Release
from rainbow.model.staying import Strategy
from tests.decisions.make import HOUR, NOW, release

BAKE = {
    "duration": "10m",
    "traffic": 'sum(rate(requests{release="$release"}[1m]))',
    "watch": [{"name": "errors", "query": 'sum(rate(errors{release="$release"}[1m]))', "limit": 0.1}],
}
REJECTED = {"reason": "it was slow", "by": "ann", "at": NOW}


def fleet(*, keep: int = 0, **current: Any) -> list[Release]:
    """v1 to v4 were current one after the other, v5 is."""
    policy = {"retention": {"keep": keep}, "bake": current.pop("bake", None), "strategy": current.pop("strategy", None)}
    earlier = [
        release(f"v{n}", live_at=NOW - (9 - n) * HOUR, demoted_at=NOW - (8 - n) * HOUR, **policy) for n in range(1, 5)
    ]
    live = {"phase": Phase.CURRENT, "live_at": NOW - 4 * HOUR, "demoted_at": None, "traffic": "100%"}
    return [*earlier, release("v5", **live | current, **policy)]


def kept(releases: list[Release], previous: str | None = "v4") -> list[str]:
    """The ids of those that are kept."""
    return sorted(kept_back(releases, "v5", previous, NOW))


@pytest.mark.parametrize(
    ("keep", "expected"),
    [(0, []), (1, ["v4"]), (2, ["v3", "v4"]), (4, ["v1", "v2", "v3", "v4"]), (100, ["v1", "v2", "v3", "v4"])],
)
def test_the_newest_n_that_were_current_are_kept(keep: int, expected: list[str]) -> None:
    """None for 0, not all; the current one does not count; more than there are is no error."""
    assert kept(fleet(keep=keep)) == expected


def test_the_blocker_says_which_setting_keeps_it() -> None:
    """A person has to find where to change it."""
    assert kept_back(fleet(keep=2), "v5", "v4", NOW)["v3"] == (
        "kept to be rolled back to: among the newest 2 (retention.keep)"
    )


def changed(releases: list[Release], name: str, **status: Any) -> list[Release]:
    """The same with another status of one of them."""
    return [
        r.model_copy(update={"status": r.status.model_copy(update=status)}) if r.id == name else r for r in releases
    ]


NOT_COUNTED: dict[str, dict[str, Any]] = {
    "rejected": {"rejected": REJECTED},
    "never live": {"live_at": None, "demoted_at": None, "phase": Phase.READY},
    "failed and never live": {"live_at": None, "demoted_at": None, "phase": Phase.FAILED},
    "deleted": {"phase": Phase.DELETED, "deleted_at": NOW},
}


@pytest.mark.parametrize("case", NOT_COUNTED)
def test_one_that_cannot_be_gone_back_to_takes_nobodys_place(case: str) -> None:
    """Else the newest ones that are any good would go."""
    assert kept(changed(fleet(keep=2), "v4", **NOT_COUNTED[case])) == ["v2", "v3"]


BROKEN_OFF: dict[str, tuple[int, str, list[str]]] = {
    "the newest": (1, "v4", ["v3", "v4"]),
    "the newest of two": (2, "v4", ["v2", "v3", "v4"]),
    "not among the newest": (2, "v1", ["v3", "v4"]),
    "none is kept": (0, "v4", []),
}


@pytest.mark.parametrize(("keep", "name", "expected"), BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_one_whose_switch_was_broken_off_is_kept_besides(keep: int, name: str, expected: list[str]) -> None:
    """It may have carried users or not: it takes nobody's place, and nobody takes its."""
    assert kept(changed(fleet(keep=keep), name, live_at=None)) == expected


def test_while_a_release_bakes_the_one_to_go_back_to_is_kept_whoever_was_broken_off() -> None:
    """Although the newest by its mark never carried users, and the route does not say what was before."""
    baking = fleet(bake=BAKE, live_at=NOW, demoted_at=None)
    assert kept(changed(baking, "v4", live_at=None), previous=None) == ["v3", "v4"]


def test_newest_is_who_was_current_last() -> None:
    """After a rollback to v1 and the next release, v1 is the one to go back to, however old it is."""
    assert kept(changed(fleet(keep=1), "v1", live_at=NOW - 2 * HOUR, demoted_at=NOW - HOUR)) == ["v1"]


def test_who_came_last_went_last_whenever_that_was_noted() -> None:
    """A run that was paused notes late that v1 was replaced; v2 to v4 have come and gone since."""
    assert kept(changed(fleet(keep=1), "v1", demoted_at=NOW)) == ["v4"]


def test_the_number_of_the_current_release_counts() -> None:
    """rainbow.yaml's policy travels with the release: what is current now says how many stay."""
    older = fleet(keep=3)[:4]
    assert kept([*older, fleet(keep=1)[4]]) == ["v4"]


# --- bake -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"live_at": NOW - HOUR / 60}, ["v4"]),
        ({"live_at": NOW - HOUR / 60, "baked_at": NOW}, []),
        ({"live_at": NOW - HOUR / 60, "baked_at": NOW - HOUR}, ["v4"]),  # when it was current before
        ({"live_at": NOW - HOUR / 2}, ["v4"]),  # a bake that was retried may still be watching
        ({"live_at": NOW - HOUR}, []),  # nobody watches any more
        ({"live_at": None}, ["v4"]),  # not noted yet
    ],
)
def test_while_the_current_release_bakes_the_one_before_stays(status: dict[str, Any], expected: list[str]) -> None:
    """A breach switches back to it."""
    assert kept(fleet(bake=BAKE, **status)) == expected


def test_the_one_that_the_route_names_stays_as_well() -> None:
    """The route knows what it pointed at before, whatever the records say."""
    assert kept(fleet(bake=BAKE, live_at=NOW), previous="v2") == ["v2", "v4"]


def test_without_a_bake_nothing_is_kept_for_one() -> None:
    """Nobody watches, nobody switches back."""
    assert kept(fleet(live_at=NOW)) == []


# --- blue/green -------------------------------------------------------------------------------------------


def test_blue_green_keeps_the_idle_one_and_no_other() -> None:
    """Until the next release is deployed, whatever the number says."""
    assert kept(fleet(strategy="blue-green")) == ["v4"]
    assert kept(fleet(strategy="blue-green", keep=3)) == ["v4"]


def test_when_room_is_made_no_age_and_no_number_keeps_it() -> None:
    """But a bake does."""
    assert kept([making_way(r) for r in fleet(strategy="blue-green", keep=3)]) == []
    assert kept([making_way(r) for r in fleet(strategy="blue-green", bake=BAKE, live_at=NOW)]) == ["v4"]
    changed_policy = making_way(fleet(strategy="blue-green")[0]).spec.app
    assert changed_policy.retention.minimum_age == changed_policy.retention.failed_age == timedelta()
    assert changed_policy.strategy is Strategy.RAINBOW


# --- history ----------------------------------------------------------------------------------------------


def gone(count: int, history: int) -> list[Release]:
    """So many deleted releases, the first one deleted first, and a current one."""
    policy = {"retention": {"history": history}}
    deleted = [
        release(f"v{n}", phase=Phase.DELETED, deleted_at=NOW - (count - n) * HOUR, **policy) for n in range(count)
    ]
    return [*deleted, release("live", phase=Phase.CURRENT, traffic="100%", demoted_at=None, **policy)]


@pytest.mark.parametrize(("history", "left"), [(1, ["v3"]), (2, ["v2", "v3"]), (4, 4), (5, 4)])
def test_the_newest_records_stay_as_history(history: int, left: list[str] | int) -> None:
    """As many as are to be kept, and not one more or less."""
    releases = gone(4, history)
    surplus = {r.id for r in beyond_history(releases, {}, "live")}
    stay = [r.id for r in releases[:4] if r.id not in surplus]
    assert stay == left or len(stay) == left


def test_a_record_outlasts_its_objects_its_hold_and_its_traffic() -> None:
    """It goes last of all; and what is not deleted is no history."""
    releases = gone(4, 1)
    assert [r.id for r in beyond_history(releases, {"v0": 2}, "live")] == ["v1", "v2"]
    assert [r.id for r in beyond_history(changed(releases, "v1", hold=REJECTED), {}, "live")] == ["v0", "v2"]
    assert [r.id for r in beyond_history(releases, {}, "v2")] == ["v0", "v1"]
    assert [r.id for r in beyond_history(changed(releases, "v1", deleted_at=None), {}, "live")] == ["v0", "v2"]
