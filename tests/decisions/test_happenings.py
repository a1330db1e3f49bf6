"""What people are told about a change of a release's status."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rainbow.decisions.happenings import NORMAL, WARNING, happenings
from rainbow.model.migrations import Stage
from rainbow.model.release import Compatibility, Mark, Phase, Promise, ReleaseStatus, SchemaNote

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WAIVED = Compatibility(release="v1", promise=Promise.WAIVED, reason="a field is gone")
KEPT = Compatibility(release="v1", promise=Promise.KEPT, reason="its tests passed")
MARK = Mark(reason="a look", by="ann", at=AT)
SCHEMA = SchemaNote(version=2, at=AT)
BEGUN = SCHEMA.model_copy(update={"under_way": Stage.CONTRACT, "to": 3})
WAITS = SCHEMA.model_copy(update={"waits": "v1 drains"})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"tasks": "3", "blocker": "3 tasks", "deployed_at": AT}, []),
        ({}, {"phase": Phase.TESTING}, [(NORMAL, "Testing")]),
        ({"phase": Phase.READY}, {"phase": Phase.CURRENT}, [(NORMAL, "Current")]),
        ({"phase": Phase.TESTING}, {"phase": Phase.FAILED, "message": "boom"}, [(WARNING, "Failed")]),
        ({}, {"hold": MARK}, [(WARNING, "Held")]),
        ({"hold": MARK}, {}, [(NORMAL, "Resumed")]),
        ({"hold": MARK}, {"hold": MARK}, []),
        (
            {"phase": Phase.CURRENT},
            {"phase": Phase.DRAINING, "rejected": MARK},
            [(NORMAL, "Draining"), (WARNING, "Rejected")],
        ),
        ({}, {"compatibility": WAIVED}, [(WARNING, "BreaksPromise")]),
        ({"compatibility": WAIVED}, {"compatibility": WAIVED}, []),
        ({}, {"compatibility": KEPT}, []),
        ({}, {"sealed_at": AT}, [(NORMAL, "Sealed")]),
        ({"sealed_at": AT}, {}, [(NORMAL, "Unsealed")]),
        ({}, {"schema_state": SCHEMA}, []),
        ({"schema_state": SCHEMA}, {"schema_state": BEGUN}, [(NORMAL, "SchemaChanges")]),
        ({"schema_state": BEGUN}, {"schema_state": SCHEMA}, [(NORMAL, "SchemaChanged")]),
        ({}, {"schema_state": WAITS}, [(WARNING, "ContractWaits")]),
        ({"schema_state": WAITS}, {"schema_state": WAITS}, []),
    ],
)
def test_a_change_is_told(before: dict[str, Any], after: dict[str, Any], told: list[tuple[str, str]]) -> None:
    """A new phase and the marks; nothing else, as events are for people."""
    found = happenings(ReleaseStatus(**before), ReleaseStatus(**after))
    assert [(each.type, each.reason) for each in found] == told


def test_who_and_why_are_told() -> None:
    """A mark without them would help nobody."""
    (event,) = happenings(ReleaseStatus(), ReleaseStatus(hold=MARK))
    assert event.message == "ann: a look"


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_can_be_told(phase: Phase) -> None:
    """A new phase needs its words."""
    before = ReleaseStatus(phase=Phase.PENDING if phase is not Phase.PENDING else Phase.FAILED)
    (event,) = happenings(before, ReleaseStatus(phase=phase))
    assert event.reason == phase
    assert event.message
