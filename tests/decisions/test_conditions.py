"""The conditions of a release say what its status says, and keep their times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.conditions import derive_conditions
from rainbow.model.migrations import Stage
from rainbow.model.release import Condition, Mark, Phase, ReleaseStatus, SchemaNote

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
NOW = AT + timedelta(hours=2)
MARK = Mark(reason="a look", by="ann", at=AT)


SCHEMA = SchemaNote(version=2, at=AT)


@pytest.mark.parametrize(
    ("note", "status", "reason"),
    [
        (SCHEMA, "True", "NothingToDo"),
        (SCHEMA.model_copy(update={"waits": "v1 drains"}), "False", "ReleasesInTheWay"),
        (SCHEMA.model_copy(update={"under_way": Stage.EXPAND}), "False", "UnderWay"),
    ],
)
def test_only_a_release_that_saw_a_database_says_something_of_it(note: SchemaNote, status: str, reason: str) -> None:
    """For `kubectl wait --for=condition=SchemaSettled`."""
    found = by_type(ReleaseStatus(schema_state=note))["SchemaSettled"]
    assert (found.status, found.reason) == (status, reason)
    assert "SchemaSettled" not in by_type(ReleaseStatus())


def by_type(status: ReleaseStatus, now: datetime = NOW) -> dict[str, Condition]:
    """The conditions by their type."""
    return {condition.type: condition for condition in derive_conditions(status, now)}


@pytest.mark.parametrize(
    ("status", "holding"),
    [
        ({}, set()),
        ({"phase": Phase.TESTING, "deployed_at": AT}, {"Deployed"}),
        ({"phase": Phase.READY, "deployed_at": AT, "tested_at": AT}, {"Deployed", "Tested"}),
        ({"phase": Phase.CURRENT, "live_at": AT, "deployed_at": AT}, {"Deployed", "Live"}),
        ({"phase": Phase.DRAINING, "live_at": AT, "demoted_at": LATER}, set()),
        ({"phase": Phase.DRAINED, "demoted_at": AT, "drained_at": LATER}, {"Drained"}),
        ({"phase": Phase.DRAINING, "demoted_at": AT, "drained_at": LATER}, set()),
        ({"phase": Phase.DELETED, "deployed_at": AT, "drained_at": AT, "sealed_at": AT}, {"Drained", "Sealed"}),
        ({"phase": Phase.FAILED, "failed_at": AT}, {"Failed"}),
        ({"hold": MARK, "rejected": MARK}, {"Held", "Rejected"}),
    ],
)
def test_each_condition_follows_from_the_status(status: dict[str, Any], holding: set[str]) -> None:
    """What holds, in each phase."""
    assert {name for name, c in by_type(ReleaseStatus(**status)).items() if c.status == "True"} == holding


def test_a_condition_has_the_time_that_the_status_has() -> None:
    """Not that of the look at it."""
    found = by_type(ReleaseStatus(phase=Phase.DRAINING, live_at=AT, demoted_at=LATER, hold=MARK))
    assert (found["Live"].status, found["Live"].last_transition_time) == ("False", LATER)
    assert (found["Held"].last_transition_time, found["Held"].message) == (AT, "ann: a look")


def test_a_time_that_nothing_tells_is_kept_as_long_as_the_condition_does_not_change() -> None:
    """As Kubernetes asks of lastTransitionTime; the end of a hold, for example, stands in no field."""
    held = ReleaseStatus(hold=MARK)
    before = held.model_copy(update={"conditions": derive_conditions(held, AT)})
    ended = before.model_copy(update={"hold": None})
    ended = ended.model_copy(update={"conditions": derive_conditions(ended, LATER)})
    assert by_type(ended)["Held"].last_transition_time == LATER
    assert by_type(ended)["Held"].status == "False"


def test_a_release_that_drains_says_in_its_condition_what_keeps_it() -> None:
    """For `kubectl describe`."""
    assert by_type(ReleaseStatus(phase=Phase.DRAINING, blocker="3 tasks"))["Drained"].message == "3 tasks"


@given(phase=st.sampled_from(Phase), times=st.lists(st.sampled_from([None, AT, LATER]), min_size=4, max_size=4))
def test_deriving_again_changes_nothing(phase: Phase, times: list[datetime | None]) -> None:
    """Else each note of a release would be a new one."""
    names = ("deployed_at", "live_at", "demoted_at", "drained_at")
    status = ReleaseStatus(phase=phase, **dict(zip(names, times, strict=True)))  # type: ignore[arg-type]
    once = derive_conditions(status, AT)
    assert derive_conditions(status.model_copy(update={"conditions": once}), NOW) == once
    assert len({condition.type for condition in once}) == len(once) == 8
