"""What was deleted with its work, as retention has it for what is overdue, and what was deleted without any (B7)."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.age import given_up, noted_overdue
from rainbow.decisions.switch import SWITCHING
from rainbow.model.release import Phase
from tests.decisions.make import HOUR, NOW, release

LONG: dict[str, Any] = {"live_at": NOW - 9 * HOUR, "demoted_at": NOW - 8 * HOUR}
GONE = LONG | {"phase": Phase.DELETED, "deleted_at": NOW - HOUR}
GIVEN_UP: dict[str, tuple[dict[str, Any], str, bool]] = {
    "deleted while it was overdue": (GONE, "delete", True),
    "deleted as drained, and given something later": (GONE | {"drained_at": NOW - 2 * HOUR}, "delete", False),
    "deleted before it was overdue": (GONE | {"deleted_at": NOW - 3 * HOUR}, "delete", False),
    "what is overdue is kept": (GONE, "keep", False),
    "it is there": (LONG, "delete", False),
    "it never was live": (
        {"phase": Phase.DELETED, "deleted_at": NOW, "live_at": None, "demoted_at": None},
        "delete",
        False,
    ),
}


@pytest.mark.parametrize("case", GIVEN_UP)
def test_its_work_is_given_up(case: str) -> None:
    """Only by the word of retention; whatever else is found is for a person to judge."""
    status, act, expected = GIVEN_UP[case]
    retention = {"minimumAge": "1h", "maximumDrainAge": "6h", "overdue": act}
    assert given_up(release("v1", retention=retention, **status)) is expected


OVERDUE_AT = NOW - 2 * HOUR  # six hours after its demotion
NOTED: dict[str, tuple[dict[str, Any], str | None, dict[str, Any]]] = {
    "it drains": (LONG, "6h", {"overdue_at": OVERDUE_AT}),
    "it is noted already": (LONG | {"overdue_at": OVERDUE_AT}, "6h", {}),
    "the maximum was changed": (LONG | {"overdue_at": OVERDUE_AT}, "7h", {"overdue_at": OVERDUE_AT + HOUR}),
    "the maximum was taken away": (LONG | {"overdue_at": OVERDUE_AT}, None, {"overdue_at": None}),
    "there never was a maximum": (LONG, None, {}),
    "it is live again": (LONG | {"live_at": NOW - HOUR, "overdue_at": OVERDUE_AT}, "6h", {"overdue_at": None}),
    "a switch to it is under way": (LONG | {"traffic": SWITCHING}, "6h", {}),
}


@pytest.mark.parametrize("case", NOTED)
def test_when_it_will_be_overdue_is_noted_once(case: str) -> None:
    """For who watches the records: that time comes also when nobody looks at the release any more."""
    status, maximum, expected = NOTED[case]
    retention = {"minimumAge": "1h"} | ({} if maximum is None else {"maximumDrainAge": maximum})
    assert noted_overdue(release("v1", retention=retention, **status)) == expected
