"""What a step that ends badly leaves on the record of its release."""

from __future__ import annotations

from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters.kube import Object
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.errors import PermanentError, TemporaryError
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps.failure import marked_as_failed
from tests.decisions.make import app


def pending(kube: Emulated, **status: Any) -> Release:
    """A release under way."""
    kube.create(new_record(ReleaseSpec(release="v1", app=app(), manifests="")))
    return note(kube, read_release(kube, "spawn", "spawn", "v1"), **{"phase": Phase.PENDING} | status)


def end(kube: Emulated, release: Release, error: Exception) -> list[str]:
    """Have a step end with the error; what it says."""
    lines: list[str] = []
    with pytest.raises(type(error)), marked_as_failed(World(kube, say=lines.append), release):
        raise error
    return lines


def test_for_now_the_phase_stays_and_people_see_why() -> None:
    """Retries may run out: then the message is all that there is."""
    kube = Emulated(None, store=Store())
    end(kube, pending(kube), TemporaryError("the registry does not answer"))
    status = read_release(kube, "spawn", "spawn", "v1").status
    assert (status.phase, status.failed_at) == (Phase.PENDING, None)
    assert status.message == "broken off, may do when tried again: the registry does not answer"


def test_for_good_it_is_failed() -> None:
    """With the time from which its age counts."""
    kube = Emulated(None, store=Store())
    end(kube, pending(kube), PermanentError("x" * 2000))
    status = read_release(kube, "spawn", "spawn", "v1").status
    assert status.phase is Phase.FAILED
    assert status.failed_at is not None
    assert len(status.message or "") == 1000


@pytest.mark.parametrize("error", [TemporaryError("x"), PermanentError("x")])
def test_a_release_that_users_have_seen_is_left_as_it_is(error: Exception) -> None:
    """Its phase is the business of `switch`."""
    kube = Emulated(None, store=Store())
    release = pending(kube, phase=Phase.CURRENT)
    end(kube, release, error)
    assert read_release(kube, "spawn", "spawn", "v1").resource_version == release.resource_version


def test_a_switch_that_begins_between_reading_and_writing_is_not_taken_for_a_failure() -> None:
    """The note conflicts, is decided anew, and is not written."""

    class Switched(Emulated):
        done = False

        def _answer(self, method: str, path: str, query: Object, body: Any, content_type: str) -> Object:
            if method == "PATCH" and "phase" in body["status"] and not self.done:
                self.done = True
                note(Emulated(None, store=self.store), release, traffic="switching")
            return super()._answer(method, path, query, body, content_type)

    kube = Emulated(None, store=Store())
    release = pending(kube, phase=Phase.READY)
    switched = Switched(None, store=kube.store)
    assert end(switched, release, PermanentError("no")) == []
    status = read_release(kube, "spawn", "spawn", "v1").status
    assert (status.phase, status.traffic, switched.done) == (Phase.READY, "switching", True)
