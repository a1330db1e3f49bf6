"""What a note on a record brings along: its conditions and its events; and that neither can do harm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters.kube import Object
from rainbow.adapters.records import note, note_if_unchanged, read_release
from rainbow.errors import Conflict, TemporaryError
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from tests.decisions.make import NOW, app


@dataclass
class Deaf(Emulated):
    """An API server that takes everything but events."""

    asked: list[str] = field(default_factory=list)

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if path.endswith("/events"):
            self.asked.append(body["reason"])
            raise TemporaryError("no room for events")
        return super()._once(method, path, query, body, content_type)


def record(kube: Emulated) -> Release:
    """A new release."""
    kube.create(new_record(ReleaseSpec(release="v1", app=app(), manifests="")))
    return read_release(kube, "spawn", "spawn", "v1")


def events(kube: Emulated) -> list[Object]:
    """All that there are."""
    return [obj for (plural, _, _), obj in kube.store.objects.items() if plural == "events"]


def live(release: Release) -> str:
    """The condition Live."""
    return next(c.status for c in release.status.conditions if c.type == "Live")


@pytest.mark.parametrize("write", [note, note_if_unchanged])
def test_a_note_writes_the_conditions_that_follow(write: Any) -> None:
    """With the very same write: nobody ever sees one without the other."""
    kube = Emulated(None, store=Store())
    before = record(kube)
    writes: list[str] = []
    kube.around = writes.append
    after = write(kube, before, tasks="3", live_at=NOW)
    assert writes == ["before", "after"]
    assert live(after) == "False"
    assert live(write(kube, after, phase=Phase.CURRENT)) == "True"


def test_a_note_on_a_record_that_others_wrote_has_the_conditions_of_what_is_there() -> None:
    """An old reading does not bring old conditions back."""
    kube = Emulated(None, store=Store())
    before = record(kube)
    note(kube, before, phase=Phase.CURRENT, live_at=NOW)
    assert live(note(kube, before, tasks="3")) == "True"
    with pytest.raises(Conflict):
        note_if_unchanged(kube, before, tasks="4")


def test_what_happened_is_told_once() -> None:
    """As an event on the record, in its namespace; a note that changes nothing of interest tells nothing."""
    kube = Emulated(None, store=Store())
    after = note(kube, record(kube), phase=Phase.FAILED, message="boom " * 500)
    note(kube, after, tasks="1")
    note(kube, after, phase=Phase.FAILED)
    (event,) = events(kube)
    assert (event["reason"], event["type"], event["metadata"]["namespace"]) == ("Failed", "Warning", "spawn")
    assert event["involvedObject"]["uid"] == after.uid
    assert len(event["message"]) == 1024


def test_an_event_that_cannot_be_written_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is asked for once, and said."""
    kube = Deaf(None, store=Store())
    after = note(kube, record(kube), phase=Phase.TESTING)
    assert after.status.phase is Phase.TESTING
    assert kube.asked == ["Testing"]
    assert "could not be written: no room for events" in caplog.text
