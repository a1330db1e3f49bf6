"""What was deleted with its work, as retention has it for what is overdue, and what was deleted without any (B7)."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.age import given_up
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
