"""`rainbow probe` and `rainbow prove` as typed: what they print, their exit codes, and wrong input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rainbow import cli
from rainbow.adapters import probe
from rainbow.cli.turns import in_turns
from tests.adapters.probed import Server

RESULT = {
    "strategy": "rainbow",
    "route": "ingress",
    "mode": "switches",
    "rate": 50.0,
    "good": True,
    "oldAnswersMs": {"median": 40.0, "max": 80.0},
    "rounds": [{}, {}],
    "probe": {"sent": 1234, "failed": 0, "latencyMs": {"p50": 1.5, "p99": 9.0, "max": 20.0}},
}


@pytest.fixture
def server() -> Iterator[Server]:
    """It ends with the test."""
    with Server().running() as made:
        yield made


def typed(*arguments: str) -> int:
    """The exit code."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.slow
def test_nobody_noticed(server: Server, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Numbers for each target and release; JSON into a file, too."""
    path = tmp_path / "probe.json"
    assert typed("probe", f"{server.url}/", "--for", "1s", "--rate", "20", "--write", str(path)) == 0
    said = capsys.readouterr().out
    assert "Nobody noticed." in said
    assert f"GET {server.url}/  20    0" in said
    data = json.loads(path.read_text())
    assert (data["good"], data["sent"], data["releases"]["v1"]["answers"]) == (True, 20, 20)


@pytest.mark.slow
def test_somebody_noticed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, and what failed, when and how often; as JSON on demand."""
    command = ("probe", f"{server.url}/", f"{server.url}/away-for-now", "--for", "1s", "--rate", "20")
    assert typed(*command) == 1
    said = capsys.readouterr().out
    assert f"10 times GET {server.url}/away-for-now, release v1: status 503" in said
    assert "Somebody noticed: 10 of 20 failed." in said
    assert typed(*command, "-o", "json") == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 10


WRONG = {
    "no URL": (("shop",), "URL: "),
    "a password in the URL": (("http://a:b@shop/",), "without user and password"),
    "a duration": (("http://shop/", "--for", "10"), "--for: '10' is not a duration"),
    "more than its bound": (("http://shop/", "--for", "1h", "--rate", "1000"), "more than 1000000 requests"),
    "a rate": (("http://shop/", "--rate", "0"), "--rate: "),
    "where to connect": (("http://shop/", "--connect", "127.0.0.1"), "--connect: "),
    "a header": (("http://shop/", "--header", "nothing"), "expected NAME:VALUE"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_asks_nobody(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2 with the flag that is wrong."""
    monkeypatch.setattr(probe.Probe, "start", lambda _self: pytest.fail("it began to ask"))
    arguments, message = WRONG[name]
    assert typed("probe", *arguments) == 2
    assert message in capsys.readouterr().err


def test_prove_takes_one_kind_of_round(capsys: pytest.CaptureFixture[str]) -> None:
    """Releases or switches."""
    assert typed("prove", "--times", "2", "--switches", "2") == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_table_of_what_was_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """For documents, without a cluster."""
    path = tmp_path / "result.json"
    path.write_text(json.dumps(RESULT))
    assert typed("prove", "--table", str(path), "--table", str(path)) == 0
    line = "| rainbow | ingress | 2 switches at 50/s | 1,234 | 0 | 40 ms (at most 80 ms) | 1.5 ms | 9.0 ms |"
    assert capsys.readouterr().out.splitlines()[2:] == [line, line]


def test_images_take_turns() -> None:
    """Each name's references one after the other; a name with one keeps it."""
    given = ("api=a:1", "api=a:2", "worker=w:1", "plain:1")
    assert in_turns(given, 1) == ("api=a:2", "worker=w:1", "plain:1")
    assert in_turns(given, 2) == ("api=a:1", "worker=w:1", "plain:1")
    assert in_turns((), 7) == ()
