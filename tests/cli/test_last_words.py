"""What a step leaves for the Argo UI when it ends, well or not; by hand it leaves nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters import world as adapters
from rainbow.adapters.world import LAST_WORDS, World
from rainbow.cli import step
from rainbow.errors import Refused, TemporaryError
from steps import hold

GIVEN = {"namespace": "shops", "app": "shop", "release": "v1", "reason": "frozen"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a step's pod."""
    monkeypatch.setenv("RAINBOW_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv(LAST_WORDS, str(tmp_path / "last-words"))
    monkeypatch.setattr(adapters, "connect", lambda **_: Emulated(None, store=Store()))
    return tmp_path


def ends(monkeypatch: pytest.MonkeyPatch, how: Any) -> None:
    """A step that ends like this."""

    def run(_params: object, world: World) -> None:
        world.say("begun")
        how(world)

    monkeypatch.setattr(hold, "run", run)
    step.run_here("hold", GIVEN, None)


def left(folder: Path) -> list[str]:
    """The output, and the reason of a failure."""
    return [(folder / name).read_text() for name in ("outputs/message", "last-words")]


def refuse(_: World) -> None:
    """It fails for good."""
    raise Refused("release v1 of shop: " + 300 * "no ")


def test_a_step_that_ends_well_leaves_its_last_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what was done, as in the log that is soon gone with its pod."""
    ends(monkeypatch, lambda world: world.say("shop is held"))
    assert left(folder) == ["shop is held"] * 2


def test_a_step_that_fails_leaves_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not all of what is long: it stands in the workflow as often as the step was tried."""
    with pytest.raises(Refused):
        ends(monkeypatch, refuse)
    for text in left(folder):
        assert text.startswith("release v1 of shop: no no")
        assert len(text) == 300


def test_a_step_that_is_asked_to_stop_says_that(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM, as from a node that is drained: Argo runs it again."""
    with pytest.raises(TemporaryError, match="asked to stop"):
        ends(monkeypatch, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert left(folder) == [step.STOPPED] * 2


def test_what_cannot_be_left_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that has done its work does not fail for a file."""
    monkeypatch.setenv(LAST_WORDS, str(folder / "missing" / "file"))
    ends(monkeypatch, lambda _: None)
    assert (folder / "outputs/message").read_text() == "begun"


def test_by_hand_nothing_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs a step sees what it says."""
    monkeypatch.delenv("RAINBOW_OUTPUTS")
    monkeypatch.delenv(LAST_WORDS)
    ends(monkeypatch, lambda _: None)
    assert list(folder.iterdir()) == []
