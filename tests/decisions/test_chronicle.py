"""The history of an app out of its records: in order, how long each was live, and what became of it (B9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rainbow.decisions.chronicle import chronicle
from rainbow.model.release import Mark, Phase
from tests.decisions.make import HOUR, NOW, release

LIVED = {"live_at": NOW - 5 * HOUR, "demoted_at": NOW - 2 * HOUR}
NEVER = {"live_at": None, "demoted_at": None}
NO_LONGER = Mark(reason="errors at checkout", by="ann", at=NOW)


@pytest.mark.parametrize(
    ("status", "live", "became"),
    [
        (LIVED | {"phase": Phase.CURRENT, "demoted_at": None}, 5 * HOUR, "current"),
        (LIVED | {"phase": Phase.CURRENT, "demoted_at": NOW - 9 * HOUR}, 5 * HOUR, "current"),
        (LIVED | {"phase": Phase.DRAINING}, 3 * HOUR, "draining"),
        (LIVED | {"phase": Phase.DRAINING, "demoted_at": None}, None, "draining"),
        (LIVED | {"phase": Phase.DELETED, "deleted_at": NOW}, 3 * HOUR, "deleted 2026-05-04T12:00Z"),
        (LIVED | {"phase": Phase.DELETED}, 3 * HOUR, "deleted"),
        (NEVER | {"phase": Phase.READY}, None, "tested, never live"),
        (NEVER | {"phase": Phase.FAILED, "message": "2 tests"}, None, "failed: 2 tests"),
        (
            NEVER | {"phase": Phase.DELETED, "deleted_at": NOW, "failed_at": NOW, "message": "2 tests"},
            None,
            "failed: 2 tests, then deleted 2026-05-04T12:00Z",
        ),
        (NEVER | {"phase": Phase.DELETED, "deleted_at": NOW}, None, "never live, deleted 2026-05-04T12:00Z"),
        (
            LIVED | {"phase": Phase.DRAINED, "rejected": NO_LONGER},
            3 * HOUR,
            "drained; rolled back from by ann: errors at checkout",
        ),
    ],
)
def test_what_became_of_a_release(status: dict[str, Any], live: timedelta | None, became: str) -> None:
    """And for how long users were on it; nobody is told a length that nobody knows."""
    (chapter,) = chronicle([release(**status)], NOW)
    assert (chapter.live_for, chapter.became) == (live, became)


def test_they_are_told_in_the_order_of_releasing() -> None:
    """A redeployed release counts as new."""
    old = release("v1", created=NOW - 9 * HOUR, redeployed_at=NOW - HOUR)
    new = release("v2", created=NOW - 8 * HOUR)
    assert [chapter.release for chapter in chronicle([old, new], NOW)] == ["v2", "v1"]
