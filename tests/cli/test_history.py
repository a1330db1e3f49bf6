"""`rainbow history`: who released what and when, and what became of it; also of what is long gone (B9)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from rainbow.cli import cli, main
from rainbow.model.release import Mark, Phase
from tests.cli.watchable import Watchable, served
from tests.decisions.make import HOUR, NOW


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Watchable:
    """Three releases of an app, and one of another in another namespace."""
    made = served()
    monkeypatch.setattr("rainbow.cli.history.connect", lambda **_: made)
    gone = {"phase": Phase.DELETED, "deleted_at": NOW, "live_at": NOW - 5 * HOUR, "demoted_at": NOW - 2 * HOUR}
    made.released("v1", **gone, rejected=Mark(reason="errors", by="bob", at=NOW))
    made.released("v2", phase=Phase.FAILED, message="2 tests failed", failed_at=NOW)
    made.released("v3", phase=Phase.CURRENT, live_at=NOW)
    made.released("w1", of="shop", namespace="shops", phase=Phase.READY)
    return made


def run(*arguments: str) -> Any:
    """The command line, in this process."""
    return cli.main([*arguments], standalone_mode=False)


def test_each_release_is_told_the_last_one_last(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """Who, when, how long users were on it, and how it ended."""
    run("history", "-n", "spawn", "spawn")
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["RELEASE", "RELEASED", "BY", "LIVE", "FOR", "WHAT", "BECAME", "OF", "IT"]
    assert [row.split()[0] for row in rows] == ["v1", "v2", "v3"]
    assert rows[0].endswith("ann  3h        deleted 2026-05-04T12:00Z; rolled back from by bob: errors")
    assert rows[1].endswith("ann  -         failed: 2 tests failed")
    assert rows[2].endswith("current")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["-n", "spawn", "--last", "2"], ["v2", "v3"]),
        (["-n", "shops"], ["w1"]),
        (["-A"], ["v1", "v2", "v3", "w1"]),
        (["-A", "shop"], ["w1"]),
    ],
)
def test_for_programs_it_is_data(
    kube: Watchable, capsys: pytest.CaptureFixture[str], arguments: list[str], shown: list[str]
) -> None:
    """The same in JSON and YAML."""
    run("history", *arguments, "-o", "json")
    found = json.loads(capsys.readouterr().out)["releases"]
    assert [one["release"] for one in found] == shown
    run("history", *arguments, "-o", "yaml")
    again = yaml.safe_load(capsys.readouterr().out)["releases"]
    for one in (*found, *again):
        del one["liveSeconds"]  # time goes on
    assert again == found


def test_the_data_of_a_release(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """Times as Kubernetes writes them, the length in seconds."""
    run("history", "-n", "spawn", "spawn", "-o", "json")
    first = json.loads(capsys.readouterr().out)["releases"][0]
    assert (first["by"], first["liveSeconds"], first["liveUntil"]) == ("ann", 3 * 3600, "2026-05-04T10:00:00.000Z")


def test_wide_says_of_what_it_was_made(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """Images and sources."""
    run("history", "-n", "spawn", "spawn", "-o", "wide")
    assert {"IMAGES", "SOURCE", "UNTIL"} <= set(capsys.readouterr().out.splitlines()[0].split())


def test_a_record_that_cannot_be_read_is_named(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """And the others are told."""
    del kube.store.objects["releases", "spawn", "spawn-v2"]["spec"]["manifests"]
    run("history", "-n", "spawn", "spawn")
    said = capsys.readouterr()
    assert "left out: Release spawn/spawn-v2 is malformed" in said.err
    assert len(said.out.splitlines()) == 3


def test_what_was_never_released(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """An app that is not there is a slip; an empty namespace is just empty."""
    with pytest.raises(SystemExit) as ended:
        main(["history", "-n", "spawn", "spwan"])
    assert ended.value.code == 2
    assert "no release of an app spwan in namespace spawn; there are: spawn" in capsys.readouterr().err
    run("history", "-n", "empty")
    assert "nothing was ever released in namespace empty" in capsys.readouterr().err
