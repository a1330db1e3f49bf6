"""`rainbow status` on an emulated cluster: what it shows, as a table, for programs, and live."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from emulated import point_route
from rich.console import Console

from rainbow.adapters.kube import INGRESS, RELEASE
from rainbow.adapters.policies import note_hold, read_policy
from rainbow.cli import cli, main, status_screen
from rainbow.cli import status as status_module
from rainbow.cli.output import Form
from rainbow.cli.status_screen import Board
from rainbow.decisions.standing import AppStanding, Standing
from rainbow.model.names import WORKFLOW_NAME, WORKFLOW_URL
from rainbow.model.release import Mark, Phase
from tests.cli.watchable import Watchable, served
from tests.decisions.make import NOW


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Watchable:
    """v1 drains, v2 is current, v3 is being tested; and there is another app, in another namespace."""
    made = served()
    monkeypatch.setattr("rainbow.cli.status.connect", lambda **_: made)
    made.released("v1", phase=Phase.DRAINING, traffic="-", tasks="3", blocker="3 active tasks", demoted_at=NOW)
    made.released("v2", phase=Phase.CURRENT, traffic="100%", live_at=NOW)
    made.released("v3", phase=Phase.TESTING)
    made.released("v0", phase=Phase.DELETED, deleted_at=NOW)
    made.released("w1", of="shop", namespace="shops", phase=Phase.FAILED, message="2 tests failed", failed_at=NOW)
    made.at_work("v3", "run-tests")
    point_route(made, "web-v2")
    return made


def run(*arguments: str) -> Any:
    """The command line, in this process."""
    return cli.main([*arguments], standalone_mode=False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The table as words."""
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_each_release_is_a_line(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """With its phase, traffic, tasks left, what its workflow does, and what it waits for."""
    run("status", "-n", "spawn", "spawn")
    head, *rows = lines(capsys)
    assert head == ["RELEASE", "PHASE", "TRAFFIC", "TASKS", "AGE", "STEP", "WAITS", "FOR"]
    without_age = [[*row[:4], *row[5:]] for row in rows]
    assert without_age[0] == ["v1", "Draining", "-", "3", "-", "3", "active", "tasks"]
    assert without_age[1] == ["v2", "Current", "100%", "-", "-"]
    assert without_age[2][:5] == ["v3", "Testing", "-", "-", "run-tests"]
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["-n", "spawn"], ["spawn v1", "spawn v2", "spawn v3"]),
        (["-n", "spawn", "--all"], ["spawn v1", "spawn v2", "spawn v3", "spawn v0"]),
        (["-n", "shops"], ["shop w1"]),
        (["-A"], ["shops shop w1", "spawn spawn v1", "spawn spawn v2", "spawn spawn v3"]),
        (["-A", "shop"], ["shops w1"]),
    ],
)
def test_what_is_shown_is_what_was_asked_for(
    kube: Watchable, capsys: pytest.CaptureFixture[str], arguments: list[str], shown: list[str]
) -> None:
    """An app, a namespace, or everything; a column for what is not said."""
    run("status", *arguments)
    _, *rows = lines(capsys)
    assert [" ".join(row[: len(words.split())]) for row, words in zip(rows, shown, strict=True)] == shown


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_for_programs_it_is_data(
    kube: Watchable, capsys: pytest.CaptureFixture[str], form: str, read: Callable[[str], Any]
) -> None:
    """And nothing else on standard output."""
    run("status", "-n", "spawn", "spawn", "-o", form)
    (found,) = read(capsys.readouterr().out)["apps"]
    assert (found["app"], found["current"], found["hold"]) == ("spawn", "v2", None)
    first, _, third = found["releases"]
    assert (first["release"], first["phase"], first["tasks"], first["by"]) == ("v1", "Draining", "3", "ann")
    assert first["waitsFor"] == "3 active tasks"
    assert (third["step"], third["stepSince"]) == ("run-tests", "2026-05-04T12:00:00.000Z")


def test_wide_has_more_columns(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """Who released it, and of which images it is made."""
    run("status", "-n", "spawn", "spawn", "-o", "wide")
    head, first, *_ = lines(capsys)
    assert {"BY", "IMAGES"} <= set(head)
    assert "ann" in first


def test_a_hold_is_told_below(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever wonders why nothing moves looks here (B5)."""
    note_hold(kube, read_policy(kube, "spawn", "spawn"), Mark(reason="a look", by="bob", at=NOW), NOW)
    kube.noted("v1", hold=Mark(reason="memory", by="ann", at=NOW))
    run("status", "-n", "spawn")
    out = capsys.readouterr().out
    assert "nothing of spawn is switched: it is held by bob since" in out
    assert "3 active tasks; held by ann: memory" in out


def test_what_may_not_be_read_is_said_and_the_rest_shown(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """A person with few rights sees the records at least."""
    kube.network.forbidden = "workflows"
    run("status", "-n", "spawn", "spawn")
    said = capsys.readouterr()
    assert "v3" in said.out
    assert "without what Workflow objects say" in said.err


def test_a_route_that_cannot_be_read_is_unknown(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """Then the records count, and that is said."""
    kube.network.forbidden = "ingresses"
    run("status", "-n", "spawn", "spawn")
    out = capsys.readouterr().out
    assert "where the route of spawn leads is unknown, its records count" in out
    assert "100%" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "spawn", "spwan"], "no release of an app spwan in namespace spawn; there are: spawn"),
        (["-n", "Spawn"], "--namespace: 'Spawn' cannot be a namespace"),
        (["-n", "spawn", "no app"], "APP: 'no app'"),
    ],
)
def test_what_is_not_there_is_wrong_input(
    kube: Watchable, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """Exit 2, with what there is."""
    with pytest.raises(SystemExit) as ended:
        main(["status", *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_many_releases_cost_no_more_requests_than_one(kube: Watchable) -> None:
    """Of records, policies, workflows and routes there is one list each."""
    asked: list[str] = []
    run("status", "-n", "spawn")  # which kinds there are is asked once
    kube.called = lambda method, path: asked.append(f"{method} {path}")
    run("status", "-n", "spawn")
    few = sorted(asked)
    kube.called = lambda _method, _path: None
    for number in range(30):
        kube.released(f"x{number}", phase=Phase.DRAINING, traffic="-", live_at=NOW)
    asked.clear()
    kube.called = lambda method, path: asked.append(f"{method} {path}")
    run("status", "-n", "spawn")
    assert sorted(asked) == few
    assert len(few) < 12, few


def test_an_empty_namespace_is_no_error(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how to begin, on standard error: a program finds nothing."""
    run("status", "-n", "empty")
    said = capsys.readouterr()
    assert said.out == ""
    assert "rainbow release -f rainbow.yaml" in said.err
    run("status", "-n", "empty", "-o", "json")
    assert json.loads(capsys.readouterr().out)["apps"] == []


@pytest.fixture
def watched(kube: Watchable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Runs `status --watch` until a condition holds, and then presses Ctrl-C; whatever it takes, in a few seconds."""
    monkeypatch.setattr(status_module, "AGES", 0.05)
    monkeypatch.setattr(status_module, "ROUTES", 0.1)
    monkeypatch.setattr(status_module, "BREATH", 0.01)
    monkeypatch.setattr("rainbow.adapters.mirror.PAUSE", 0.02)
    turns, until = status_module._turns, time.monotonic() + 10

    def press(happen: Iterator[Callable[[], object]], *arguments: str) -> None:
        step = next(happen)

        def turn(mirror: Any) -> Iterator[bool]:
            nonlocal step
            for changed in turns(mirror):
                assert time.monotonic() < until, "it never came"
                if step():
                    try:
                        step = next(happen)
                    except StopIteration:
                        raise KeyboardInterrupt from None
                yield changed

        monkeypatch.setattr(status_module, "_turns", turn)
        with pytest.raises(SystemExit) as ended:
            main(["status", "-n", "spawn", *arguments, "--watch"])
        assert ended.value.code == 130

    yield press
    assert threading.active_count() < 50


def _hearing(capsys: pytest.CaptureFixture[str], seen: list[str]) -> Callable[[str], bool]:
    """Whether something has been said by now; what was said so far is kept in `seen`."""

    def has(text: str) -> bool:
        seen.append(capsys.readouterr().out)
        return text in "".join(seen)

    return has


def test_without_a_terminal_each_change_is_a_line(
    kube: Watchable, watched: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not every look: a log of CI is no screen. Ctrl-C ends it with 130."""
    seen: list[str] = []
    has = _hearing(capsys, seen)

    def happen() -> Iterator[Callable[[], object]]:
        yield lambda: has("v3  Testing")
        kube.noted("v1", tasks="2")
        yield lambda: has("2 tasks")
        kube.released("v4", phase=Phase.PENDING)
        yield lambda: has("v4  Pending")
        moved = {"spec": {"rules": [_rule("web-v3")]}}
        kube.patch(INGRESS, "spawn", "spawn", moved)
        yield lambda: has("v3  Testing  100%")

    watched(happen(), "spawn")
    found = [line.split("  ", 1)[1] for line in "".join(seen).splitlines()]
    assert found[0].startswith("spawn  v1  Draining  -  3 tasks")
    assert len([line for line in found if line.startswith("spawn  v1  ")]) == 2, found


def _rule(service: str) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    return {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}


def test_an_outage_is_said_and_lived_through(
    kube: Watchable, watched: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is shown stays, and says that it is from before."""
    seen: list[str] = []
    has = _hearing(capsys, seen)

    def happen() -> Iterator[Callable[[], object]]:
        yield lambda: has("v3  Testing")
        kube.network.away = True
        yield lambda: has("the API server does not answer since")
        kube.network.away = False
        yield lambda: has("the API server answers again")
        kube.noted("v1", tasks="1")
        yield lambda: has("1 tasks")

    watched(happen(), "spawn")


def test_sigterm_ends_it_as_well(kube: Watchable, watched: Callable[..., None]) -> None:
    """With 130, and whoever handled it before does so again."""
    before = signal.getsignal(signal.SIGTERM)

    def happen() -> Iterator[Callable[[], object]]:
        yield lambda: signal.raise_signal(signal.SIGTERM)

    watched(happen(), "spawn")
    assert signal.getsignal(signal.SIGTERM) is before


def test_watching_for_a_program_is_a_document_for_each_change(
    kube: Watchable, watched: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of JSON each, as `kubectl get -w -o json` would give."""
    seen: list[str] = []

    def documents() -> list[Any]:
        seen.append(capsys.readouterr().out)
        return [json.loads(line) for line in "".join(seen).splitlines()]

    def happen() -> Iterator[Callable[[], object]]:
        yield documents
        kube.noted("v1", tasks="2")
        yield lambda: documents()[-1]["apps"][0]["releases"][0]["tasks"] == "2"

    watched(happen(), "spawn", "-o", "json")


def _drawn(console: Console, releases: int, words: str = "3 active tasks") -> str:
    """A live table of so many releases, as it stands on the screen."""
    many = tuple(Standing(f"v{n}", Phase.DRAINING, tasks="3", since=NOW, waits=words) for n in range(releases))
    board = Board(Form.TABLE, "namespace spawn", several=False, everywhere=False, deleted_too=False)
    with console.capture() as capture, status_screen.screen(board, console) as shown:
        shown.update([AppStanding("spawn", "spawn", "v1", many, ("nothing is switched",))], ["away"], NOW)
    return capture.get()


def _terminal(width: int, height: int, **more: Any) -> Console:
    return Console(force_terminal=True, width=width, height=height, _environ={"TERM": "xterm"} | more)


def test_on_a_terminal_phases_have_colours_and_the_hold_is_below() -> None:
    """One table that is drawn anew in one go."""
    drawn = _drawn(_terminal(100, 30), 2)
    assert "\x1b[34mDraining" in drawn
    assert "nothing is switched" in drawn
    assert "away" in drawn


def test_no_color_is_heeded() -> None:
    """https://no-color.org: the table is still a live one."""
    drawn = _drawn(_terminal(100, 30, NO_COLOR="1"), 2)
    assert "Draining" in drawn
    assert "\x1b[34m" not in drawn


def test_a_window_that_is_too_low_shows_the_newest() -> None:
    """They are what changes; that there are more is said, and nothing scrolls away."""
    drawn = _drawn(_terminal(80, 10), 40, "a reason that is much too long for a single line of this narrow window " * 2)
    assert "v39" in drawn
    assert "v30" not in drawn
    assert "older ones" in drawn
    last = drawn[drawn.rindex("older ones") :]  # it is drawn once more at the end
    assert len(last.splitlines()) <= 10


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_narrow_window_breaks_the_reason_and_no_names(width: int) -> None:
    """Whatever gives way, the release and its phase stay whole."""
    drawn = _drawn(_terminal(width, 60), 12, "a reason that is much too long for a single line of this narrow window")
    assert all(f"v{n}" in drawn for n in range(12))
    assert "Draining" in drawn


def test_wide_and_data_lead_to_the_workflow(kube: Watchable, capsys: pytest.CaptureFixture[str]) -> None:
    """To where it is seen in the Argo UI, when the installation knows that; else its name is told."""
    marks = {WORKFLOW_NAME: "release-spawn-v1", WORKFLOW_URL: "https://argo.example/workflows/spawn/release-spawn-v1"}
    kube.patch(RELEASE, "spawn", "spawn-v1", {"metadata": {"annotations": marks}})
    kube.patch(RELEASE, "spawn", "spawn-v2", {"metadata": {"annotations": {WORKFLOW_NAME: "release-spawn-v2"}}})
    run("status", "-n", "spawn", "spawn", "-o", "wide")
    out = capsys.readouterr().out
    assert "https://argo.example/workflows/spawn/release-spawn-v1" in out
    assert "release-spawn-v2" in out
    run("status", "-n", "spawn", "spawn", "-o", "json")
    first, second, _ = json.loads(capsys.readouterr().out)["apps"][0]["releases"]
    assert (first["workflow"], first["workflowUrl"]) == (marks[WORKFLOW_NAME], marks[WORKFLOW_URL])
    assert (second["workflow"], second["workflowUrl"]) == ("release-spawn-v2", None)
