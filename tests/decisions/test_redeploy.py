"""Which releases may be had again, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.redeploy import Act, RedeployDecision, decide_redeploy, taken_up
from rainbow.model.release import GitSource, Mark, Phase, Release, ReleaseStatus, Source
from tests.decisions.make import HOUR, NOW, app, release

GIT = Source(git=GitSource(url="https://git.example/spawn.git", commit="a" * 40))


def _deleted(**status: Any) -> Release:
    return release("v1", **({"phase": Phase.DELETED, "deleted_at": NOW - HOUR} | status))


def _with_image(found: Release, source: Source | None) -> Release:
    spec = found.spec.model_copy(update={"app": app(images={"api": {}}), "source": source})
    return found.model_copy(update={"spec": spec})


def test_a_deleted_release_is_taken_up_again() -> None:
    """S11."""
    assert decide_redeploy(_deleted()) == RedeployDecision(
        Act.TAKE_UP, "its record is taken up again, to be deployed, tested and switched to", build=False
    )


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.DRAINING, "rainbow rollback -n spawn spawn v1"),
        (Phase.DRAINED, "rainbow rollback -n spawn spawn v1"),
        (Phase.CURRENT, "it is current"),
        (Phase.TESTING, "retry its workflow"),
        (Phase.FAILED, "retry its workflow"),
    ],
)
def test_one_that_is_still_there_is_refused_with_what_to_do_instead(phase: Phase, said: str) -> None:
    """A rollback is quicker, and loses nothing."""
    decision = decide_redeploy(release("v1", phase=phase))
    assert decision.act is Act.REFUSE
    assert said in decision.reason


def test_its_deletion_has_to_be_finished_first() -> None:
    """Whoever still deletes would take the new objects for the old ones."""
    assert decide_redeploy(release("v1", phase=Phase.DELETED)).act is Act.WAIT
    assert decide_redeploy(_deleted(), left=2).reason.startswith("its deletion is not finished: objects left: 2;")
    assert "cannot be listed" in decide_redeploy(_deleted(), hidden="Jobs cannot be listed").reason
    worked = decide_redeploy(_deleted(), on_bus="on the bus is left what it was deleted with: w with 1 pending")
    assert worked.act is Act.WAIT
    assert "w with 1 pending; run collect-garbage" in worked.reason


def test_one_that_was_rolled_back_from_comes_again_only_on_purpose() -> None:
    """Rule 5."""
    rejected = _deleted(rejected=Mark(reason="errors", by="ada", at=NOW - HOUR))
    assert "it was rolled back from by ada" in decide_redeploy(rejected).reason
    assert decide_redeploy(rejected, allow_rejected=True).act is Act.TAKE_UP


@pytest.mark.parametrize(
    ("images", "source", "act", "build"),
    [
        ({"api": "registry/api@sha256:1"}, None, Act.TAKE_UP, False),
        ({}, GIT, Act.TAKE_UP, True),
        ({}, None, Act.REFUSE, False),
    ],
)
def test_nothing_is_built_that_is_known_by_its_digest(
    images: dict[str, str], source: Source | None, act: Act, build: bool
) -> None:
    """Sources in git are still there; a packed folder went with the release."""
    decision = decide_redeploy(_with_image(_deleted(images=images), source))
    assert (decision.act, decision.build) == (act, build)


def test_a_step_that_is_run_again_finds_that_it_has_done_it() -> None:
    """Killed after the note, before Argo knew."""
    again = release("v1", **(taken_up(NOW) | {"objects": [], "images": {}, "conditions": []}))
    assert decide_redeploy(again).act is Act.NOTHING


def test_its_record_is_that_of_a_new_release_and_newer_than_all_others() -> None:
    """Nothing of its earlier life counts any more: neither that it was live, nor that it was deleted."""
    changes = taken_up(NOW)
    assert {key for key, value in changes.items() if value is not None} == {"phase", "redeployed_at"}
    kept = set(ReleaseStatus.model_fields) - set(changes)
    assert kept == {"images", "objects", "hold", "schema_state", "conditions"}
    again = release("v1", **(changes | {"objects": [], "images": {}, "conditions": []}))
    assert again.since == NOW
