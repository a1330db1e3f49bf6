"""Whether what somebody asked for is still what people want."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rainbow.decisions.asking import GOOD_FOR, after, dated, late, overruled
from rainbow.model.release import Mark
from rainbow.model.route import RouteState
from tests.decisions.make import HOUR, NOW, SECOND, release

ROUTE = RouteState(True, "v3", "7", frozenset({"api-v3"}))
MS = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("what", "ordered", "asked", "holds"),
    [
        ("nobody has ordered anything", None, NOW - 72 * HOUR, True),
        ("it is asked for just now", NOW + HOUR, None, True),
        ("the other order came before", NOW - 5 * SECOND, NOW, True),
        ("its own first try has left that", NOW, NOW, True),
        ("in one second nobody knows who was first", NOW + 999 * MS, NOW, True),
        ("the other order came later", NOW + SECOND, NOW, False),
        ("Retry three days later", NOW, NOW - 72 * HOUR, False),
    ],
)
def test_who_asked_before_the_last_order_comes_too_late(
    what: str, ordered: datetime | None, asked: datetime | None, holds: bool
) -> None:
    """Rule 5: of two people the later one is meant, whoever's pod is quicker."""
    why = overruled(replace(ROUTE, ordered_at=ordered), release("v1"), asked)
    assert (why is None) is holds, what
    assert why is None or "ordered another move of the route" in why


def test_who_asked_for_a_release_before_it_was_rolled_back_from_comes_too_late() -> None:
    """Also when no person did that, but a bake."""
    target = release("v2", rejected=Mark(reason="errors", by="bake", at=NOW))
    assert "v2 was rolled back from by bake" in (overruled(ROUTE, target, NOW - 5 * SECOND) or "")
    assert overruled(ROUTE, target, NOW + 5 * SECOND) is None


@pytest.mark.parametrize(
    ("what", "moved", "asked_ago", "holds"),
    [
        ("nothing has moved since", NOW - 2 * HOUR, HOUR, True),
        ("it moved while the wish was on its way", NOW - SECOND, timedelta(minutes=5), True),
        ("it moved, and the wish is an old one", NOW - SECOND, GOOD_FOR, False),
    ],
)
def test_an_old_wish_holds_only_while_the_route_has_not_moved(
    what: str, moved: datetime, asked_ago: timedelta, holds: bool
) -> None:
    """Whatever has moved it, a new release too."""
    assert (late(replace(ROUTE, switched_at=moved), NOW - asked_ago, NOW) is None) is holds, what


def test_a_slow_clock_dates_nothing_before_what_it_comes_after() -> None:
    """A machine two minutes behind, with a release of just now; to the millisecond, as it can be read back."""
    newest = release("v4", created=NOW, noted_at=NOW + 3 * SECOND)
    assert dated(NOW - 120 * SECOND, [release("v1"), newest]) == NOW + 3 * SECOND + MS
    assert dated(NOW + HOUR + timedelta(microseconds=1500), [newest]) == NOW + HOUR + MS
    assert after(dated(NOW, [], asked_at=NOW + 9 * SECOND), NOW + 5 * SECOND)
