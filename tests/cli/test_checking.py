"""What `install` shows of its checks, and when that is a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rainbow.cli import checking
from rainbow.cli.output import Form
from rainbow.cli.settings_file import read_settings
from rainbow.decisions.requirements import CHECKS, Result
from rainbow.decisions.suitability import State, Verdict
from rainbow.errors import BadInput


def results(**states: State) -> list[Result]:
    """Every check fine, but these."""
    named = {name.replace("_", "-"): state for name, state in states.items()}
    return [Result(check, Verdict(named.get(check.name, State.FINE), f"[{check.name}]")) for check in CHECKS]


@pytest.mark.parametrize(
    ("found", "passes", "strictly"),
    [
        (results(), True, True),
        (results(proxy=State.UNKNOWN), True, False),
        (results(proxy=State.MISSING), False, False),
    ],
)
def test_what_is_missing_fails_and_what_is_unknown_when_that_is_asked(
    found: list[Result], passes: bool, strictly: bool
) -> None:
    """Exit code 1 of `install --check`."""
    assert checking.passed(found, strict=False) is passes
    assert checking.passed(found, strict=True) is strictly


def test_a_person_reads_what_why_and_how(capsys: pytest.CaptureFixture[str]) -> None:
    """Of each that is not fine; the last line counts."""
    checking.show("shop", results(proxy=State.MISSING, argo_version=State.UNKNOWN), Form.TABLE)
    said = capsys.readouterr().out
    assert "missing: proxy: [proxy]\n  why: a route leads users" in said
    assert "unknown: argo-version: [argo-version]" in said
    assert said.splitlines()[0].split() == ["CHECK", "STATE", "FOUND"]
    assert said.endswith(f"{len(CHECKS) - 2} fine, 1 missing, 1 unknown\n")


def test_a_program_reads_json(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing beside it."""
    checking.show("shop", results(argo=State.MISSING), Form.JSON)
    shown = json.loads(capsys.readouterr().out)
    assert shown["namespace"] == "shop"
    assert {check["name"]: check["state"] for check in shown["checks"]}["argo"] == "missing"


def test_only_what_no_release_can_do_without_stops_an_installation() -> None:
    """Before anything is changed; the rest is said."""
    checking.refuse_hopeless("shop", results(proxy=State.MISSING, argo=State.UNKNOWN))
    with pytest.raises(BadInput, match="nothing was installed into namespace shop: argo: "):
        checking.refuse_hopeless("shop", results(argo=State.MISSING))


def test_settings_that_are_wrong_are_named_without_what_was_found_there(tmp_path: Path) -> None:
    """It may be a password."""
    path = tmp_path / "settings.yaml"
    text = "step_image: a\nbuilder_image: b\nregistry: r\nproxy: {https: 'http://ann:hidden@proxy:3128'}\n"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"proxy\.https: expected http://HOST:PORT without user") as wrong:
        read_settings(path)
    assert "hidden" not in str(wrong.value)
