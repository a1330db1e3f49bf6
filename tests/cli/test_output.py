"""What programs read: the keys stay what they are, and stand on the page that describes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulated import point_route
from rich.console import Console
from rich.text import Text

from rainbow.cli import cli, main
from rainbow.cli.output import Form, as_text, print_rows
from rainbow.model.release import Phase
from tests.cli.commands import everyone
from tests.cli.watchable import Watchable, served
from tests.decisions.make import NOW

PAGE = (Path(__file__).parents[2] / "docs/how-to/command-line.md").read_text()
KEYS = {
    "status": ({"apps", "trouble"}, "apps", {"namespace", "app", "current", "hold", "remarks", "releases"}),
    "history": (
        {"releases"},
        "releases",
        {
            *("namespace", "app", "release", "by", "releasedAt", "liveFrom", "liveUntil", "liveSeconds"),
            *("became", "images", "source"),
        },
    ),
    "plan": (
        {"namespace", "app", "hold", "releases"},
        "releases",
        {"release", "releasedAt", "by", "phase", "traffic", "tasks", "then", "because"},
    ),
}
OF_A_RELEASE = {
    *("release", "phase", "traffic", "tasks", "releasedAt", "by", "liveAt", "step", "stepSince"),
    *("waitsFor", "held", "images", "workflow", "workflowUrl"),
}
COMMANDS = dict(everyone())


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Watchable:
    """An app with a release."""
    made = served()
    for module in ("status", "history", "plan", "policy"):
        monkeypatch.setattr(f"rainbow.cli.{module}.connect", lambda **_: made)
    made.released("v1", phase=Phase.CURRENT, traffic="100%", live_at=NOW)
    point_route(made, "web-v1")
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The JSON of a command."""
    cli.main([*words, "-n", "spawn", "spawn", "-o", "json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", KEYS)
def test_the_keys_are_these(kube: Watchable, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """A key that is renamed breaks somebody's script; each stands in the documentation."""
    top, items, keys = KEYS[command]
    found = said(capsys, command)
    assert set(found) == top
    assert set(found[items][0]) == keys
    if command == "status":
        assert set(found["apps"][0]["releases"][0]) == OF_A_RELEASE
        keys = keys | OF_A_RELEASE
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{command}`"))
    assert all(f"`{key}`" in row for key in top | keys), row


def test_a_policy_is_data_as_well(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """What was set for the app, and what is in force for each release."""
    found = said(capsys, "policy", "show")
    assert (found["app"], found["hold"], found["policy"]) == ("spawn", None, {})
    assert found["releases"][0]["retention"]["minimumAge"] == "1h"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["plan", "-f", "rainbow.yaml", "-o", "json"], "leave the rest out"),
        (["plan", "hold", "spawn", "-o", "json"], "-o json: what hold would do is said in lines only"),
    ],
)
def test_what_has_no_data_says_so(
    kube: Watchable, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    """Rather than lines where a program expects JSON."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("value", [{"a": None, "b": "é\n: x"}, [], {"t": "2026-05-04T12:00:00Z", "n": "0123"}])
def test_json_and_yaml_say_the_same(value: Any) -> None:
    """Whatever is in it."""
    assert json.loads(as_text(Form.JSON, value)) == value
    assert yaml.safe_load(as_text(Form.YAML, value)) == value


def test_in_a_file_a_line_stays_a_line_and_has_no_colour(tmp_path: Path) -> None:
    """For grep and awk; and nothing in a name is taken for markup."""
    with (tmp_path / "out").open("w") as file:
        rows = [[Text("v1", "red"), "[bold]words[/] " * 40]]
        print_rows(Console(file=file, width=2000), ("RELEASE", "WHY"), rows)
    head, line = (tmp_path / "out").read_text().splitlines()
    assert head == "RELEASE  WHY"
    assert line == f"v1       {'[bold]words[/] ' * 40}".rstrip()
