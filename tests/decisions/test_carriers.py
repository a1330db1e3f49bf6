"""Which routes are asked who is current, and in which order they are believed."""

from typing import Any

import pytest

from rainbow.decisions.carriers import carriers
from rainbow.decisions.switch import SWITCHING
from rainbow.model.release import Phase, Release
from tests.decisions.make import HOUR, NOW, app, release

NEVER: dict[str, Any] = {"live_at": None, "demoted_at": None}


def _release(name: str, route: str, **status: Any) -> Release:
    """The later its number, the newer it is."""
    found = release(name, created=NOW - HOUR * (9 - int(name[1:])), **status)
    kind, _, object_name = route.rpartition(" ")
    config = app(route={kind or "ingress": {"name": object_name, "url": "http://proxy"}})
    return found.model_copy(update={"spec": found.spec.model_copy(update={"app": config})})


OLD, LIVE = _release("v1", "old"), _release("v2", "new")


@pytest.mark.parametrize(
    ("what", "releases", "found"),
    [
        ("one route", [OLD, _release("v2", "old")], [("v2", True, ("v2", "v1"))]),
        ("the newer route first", [OLD, LIVE], [("v2", True, ("v2",)), ("v1", True, ("v1",))]),
        (
            "what was only submitted comes last, and takes nobody's place",
            [OLD, LIVE, _release("v3", "old", phase=Phase.PENDING, **NEVER)],
            [("v2", True, ("v2",)), ("v1", True, ("v1", "v3"))],
        ),
        (
            "a route of nobody who lived",
            [OLD, _release("v3", "other", phase=Phase.FAILED, **NEVER)],
            [("v1", True, ("v1",)), ("v3", False, ("v3",))],
        ),
        (
            "a switch that was killed may have led users there",
            [OLD, _release("v3", "other", phase=Phase.READY, traffic=SWITCHING, **NEVER)],
            [("v3", True, ("v3",)), ("v1", True, ("v1",))],
        ),
        (
            "one name, two kinds",
            [OLD, _release("v2", "httpRoute old")],
            [("v2", True, ("v2",)), ("v1", True, ("v1",))],
        ),
        ("a deleted one is led to by nothing", [OLD, _release("v2", "new", phase=Phase.DELETED, deleted_at=NOW)], None),
        ("nobody", [], []),
    ],
)
def test_the_routes_in_the_order_in_which_they_are_believed(
    what: str, releases: list[Release], found: list[tuple[str, bool, tuple[str, ...]]] | None
) -> None:
    """Each once, by the newest release that was live with it."""
    given = [(c.release.id, c.lived, c.users) for c in carriers(releases)]
    assert given == ([("v1", True, ("v1",))] if found is None else found), what
