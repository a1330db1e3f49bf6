"""Processes are known by number and birth, started detached, and restarted only when they are out of date."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.processes import Identity, Processes, Program

SLEEP = Program("sleeper", ("sleep", "60"))


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes in a directory of the test's own, all of them ended after it."""
    found = Processes(tmp_path / "run", tmp_path / "logs")
    yield found
    found.stop(found.names(), grace=2)


def test_a_started_process_is_found_again(processes: Processes, tmp_path: Path) -> None:
    """Another command of the same cluster finds what the first one started."""
    started = processes.start(SLEEP)

    found = Processes(tmp_path / "run", tmp_path / "logs").find("sleeper")

    assert found is not None
    assert found.pid == started.pid


def test_starting_twice_is_one_process(processes: Processes) -> None:
    """A process that is as it should be is left alone."""
    assert processes.start(SLEEP).pid == processes.start(SLEEP).pid


def test_a_changed_argument_is_a_new_process(processes: Processes) -> None:
    """What was started from something else is stopped and started anew."""
    first = processes.start(SLEEP)

    second = processes.start(Program("sleeper", ("sleep", "61")))

    assert second.pid != first.pid
    assert not first.is_running()


def test_a_changed_file_is_a_new_process(processes: Processes, tmp_path: Path) -> None:
    """A configuration file belongs to what a process is started from."""
    file = tmp_path / "config"
    file.write_text("one", encoding="utf-8")
    program = Program("sleeper", ("sleep", "60"), files=(file,))
    first = processes.start(program)

    file.write_text("two", encoding="utf-8")

    assert not processes.current(program)
    assert processes.start(program).pid != first.pid


def test_a_killed_process_is_started_anew(processes: Processes) -> None:
    """After kill -9 the note is worth nothing."""
    first = processes.start(SLEEP)
    first.kill()
    _gone(first.pid)

    assert processes.find("sleeper") is None
    assert processes.start(SLEEP).pid != first.pid


def test_a_number_in_use_by_another_process_is_not_ours(tmp_path: Path) -> None:
    """The note of a process from before a restart must never lead to the end of an innocent one."""
    notes = tmp_path / "run/processes"
    notes.mkdir(parents=True)
    (notes / "etcd.json").write_text(json.dumps({"pid": os.getpid(), "born": 1.0, "fingerprint": ""}))
    processes = Processes(tmp_path / "run", tmp_path / "logs")

    assert processes.find("etcd") is None
    assert processes.stop(["etcd"]) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "born": 2, "fingerprint": "", "more": 1}'])
def test_a_broken_note_is_no_note(tmp_path: Path, text: str) -> None:
    """A machine that went down while a note was written does not keep the cluster from starting."""
    notes = tmp_path / "run/processes"
    notes.mkdir(parents=True)
    (notes / "etcd.json").write_text(text)

    assert Processes(tmp_path / "run", tmp_path / "logs").identity("etcd") is None


def test_nothing_of_the_shell_reaches_a_process(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy or a token of the person who runs `up` is none of the cluster's business."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    processes.start(
        Program("printer", ("sh", "-c", "echo proxy=[$HTTPS_PROXY] own=[$OWN]; sleep 60"), (), {"OWN": "1"})
    )

    assert _output(processes, "printer") == "proxy=[] own=[1]"


def test_a_stubborn_process_is_killed(processes: Processes) -> None:
    """Who does not end at SIGTERM ends at SIGKILL."""
    started = processes.start(
        Program("stubborn", ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"))
    )
    _output(processes, "stubborn")

    assert processes.stop(["stubborn"], grace=0.2) == ["stubborn"]
    assert Identity(started.pid, started.create_time(), "").process() is None


def _output(processes: Processes, name: str) -> str:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        text = processes.tail(name)
        if text.strip():
            return text
        time.sleep(0.01)
    raise AssertionError(f"{name} printed nothing")


def _gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return
        time.sleep(0.01)
