"""`rainbow report`: the command and the file that it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rainbow.cli import cli
from rainbow.errors import BadInput, PermanentError
from rainbow.model.release import Phase
from tests.cli.watchable import Watchable, served
from tests.decisions.make import HOUR, NOW

pytestmark = pytest.mark.slow  # the library of the charts is put together for the first page


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Watchable:
    """Two releases of an app, whose Prometheus nobody knows."""
    made = served()
    monkeypatch.setattr("rainbow.cli.report.connect", lambda **_: made)
    made.released("v1", phase=Phase.DRAINING, live_at=NOW - 5 * HOUR, demoted_at=NOW)
    made.released("v2", phase=Phase.CURRENT, live_at=NOW)
    return made


def run(*arguments: str) -> Any:
    """The command line, in this process."""
    return cli.main(["report", "-n", "spawn", *arguments], standalone_mode=False)


def data_of(text: str) -> dict[str, Any]:
    """What the page shows."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_a_file_is_written_and_it_says_what_is_in_it(
    kube: Watchable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Prometheus too: the page is made, and both say that something is missing."""
    file = tmp_path / "spawn.html"
    run("spawn", "-o", str(file), "--since", "3650d", "--prometheus-url", "http://127.0.0.1:1")
    said = capsys.readouterr().out
    assert re.fullmatch(r".*/spawn\.html: 2 releases, \d\.\d MB; not known: [1-9]\d*, named at its top\n", said)
    data = data_of(file.read_text(encoding="utf-8"))
    assert [release["id"] for release in data["releases"]] == ["v2", "v1"]
    assert any("did not answer" in text for text in data["unknown"])
    assert "refresh" not in data


def test_it_can_be_handed_on(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the page is printed then; `since` leaves out what was gone before."""
    run("spawn", "-o", "-", "--since", "1s", "--prometheus-url", "http://127.0.0.1:1")
    said = capsys.readouterr().out
    assert said.startswith("<!doctype html>")
    assert said.endswith("</html>\n")
    assert data_of(said)["end"] - data_of(said)["begin"] <= 2000


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["spawn", "--serve", "-o", "x.html"], "give one of them"),
        (["spawn", "--port", "1"], "belong to --serve"),
        (["spawn", "--every", "1s"], "belong to --serve"),
        (["spawn", "--since", "yesterday"], "--since: 'yesterday' is not a duration"),
        (["spawn", "--since", "0s"], "more than nothing"),
        (["Spawn"], "cannot be the name of an app"),
        (["nobody"], "is the name right"),
    ],
)
def test_what_is_wrong_is_said(kube: Watchable, arguments: list[str], wrong: str) -> None:
    """Before anything is written."""
    with pytest.raises(BadInput, match=wrong):
        run(*arguments)


def test_a_file_that_cannot_be_written_is_named(kube: Watchable, tmp_path: Path) -> None:
    """With the reason."""
    file = tmp_path / "missing" / "x.html"
    with pytest.raises(PermanentError, match=r"x\.html cannot be written: No such file"):
        run("spawn", "-o", str(file), "--prometheus-url", "http://127.0.0.1:1")
