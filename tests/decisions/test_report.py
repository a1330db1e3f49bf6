"""The picture of an app: everything that is known, and nothing besides."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from rainbow.decisions.rates import Grid, Row
from rainbow.decisions.report import MOST_EVENTS, Event, Known, picture, told
from rainbow.model.release import Mark, Phase
from tests.decisions.make import HOUR, NOW, SECOND, release

MARK = Mark(reason="a customer's demo", by="dora", at=NOW - HOUR)


def known(*releases: Any, hours: float = 10, **more: Any) -> Known:
    """Of ten hours."""
    return Known("spawn", "spawn", releases, Grid.over(NOW - hours * HOUR, NOW), NOW, **more)


def test_it_is_plain_json() -> None:
    """Times are whole milliseconds, phases their words."""
    data = picture(known(release("v1", phase=Phase.CURRENT, demoted_at=None), current="v1"))
    again = json.loads(json.dumps(data))
    assert again == data
    assert again["releases"][0]["phase"] == "Current"
    assert again["releases"][0]["live"] == int((NOW - 3 * HOUR).timestamp() * 1000)
    assert again["switches"] == [{"release": "v1", "at": again["releases"][0]["live"]}]


def test_who_is_current_is_said_by_the_route() -> None:
    """Whatever the record says."""
    data = picture(known(release("v1", phase=Phase.CURRENT), release("v2"), current="v2"))
    assert {one["id"]: one["current"] for one in data["releases"]} == {"v1": False, "v2": True}
    assert picture(known(release("v1", phase=Phase.CURRENT)))["current"] is None


def test_what_was_gone_before_is_left_out_everywhere() -> None:
    """Its lane, its rows and its events too."""
    gone = release("v1", phase=Phase.DELETED, deleted_at=NOW - 2 * HOUR)
    rows = {"v1": Row(0, (1,)), "v2": Row(0, (1,))}
    data = picture(known(gone, release("v2", created=NOW - HOUR), hours=1, requests=rows, tasks=rows, failures=rows))
    text = json.dumps(data)
    assert "v1" not in text
    assert "v2" in text


def test_rows_keep_their_gaps_and_their_few_digits() -> None:
    """null, not zero."""
    data = picture(known(release("v1"), tasks={"v1": Row(3, (0.0, None, 1 / 3))}))
    assert data["tasks"] == {"v1": {"first": 3, "values": [0.0, None, 0.3333]}}
    assert data["requests"] == {}


def test_events_of_the_cluster_go_before_the_same_on_the_record() -> None:
    """Both tell the same when they are seconds apart; another one of that name is another."""
    one = release("v1", drained_at=NOW - HOUR)
    heard = Event(NOW - HOUR + SECOND, "v1", "Drained", "it has no work left, says the cluster")
    earlier = Event(NOW - 8 * HOUR, "v1", "Drained", "it had none before, either")
    events = told(known(one, events=[heard, earlier]))
    assert [event for event in events if event.reason == "Drained"] == [heard, earlier]
    assert [event.reason for event in events] == ["Drained", "Draining", "Current", "Drained", "Released"]
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)


def test_marks_and_failures_are_warnings() -> None:
    """With who set them, and why."""
    one = release("v1", phase=Phase.FAILED, failed_at=NOW - HOUR, message="2 tests failed", hold=MARK, rejected=MARK)
    found = {event.reason: event for event in told(known(one)) if event.warning}
    assert {reason: event.message for reason, event in found.items()} == {
        "Failed": "2 tests failed",
        "Held": "dora: a customer's demo",
        "Rejected": "dora: a customer's demo",
    }
    shown = picture(known(one, hold=MARK))
    assert "dora" in shown["releases"][0]["marks"]
    assert "a customer's demo" in shown["hold"]
    assert shown["releases"][0]["waits"] == "2 tests failed"


def test_too_many_events_are_cut_and_it_says_so() -> None:
    """The newest stay."""
    many = [Event(NOW - timedelta(seconds=n), "v1", "Sealed", str(n)) for n in range(MOST_EVENTS + 50)]
    data = picture(known(release("v1", created=NOW - HOUR, live_at=None, demoted_at=None), events=many))
    assert len(data["events"]) == MOST_EVENTS
    assert data["left_out"] == 51
    assert data["events"][0]["message"] == "0"


def test_what_is_not_known_is_handed_on() -> None:
    """In words."""
    assert picture(known(release("v1"), unknown=["tasks of v1: no answer"]))["unknown"] == ["tasks of v1: no answer"]
