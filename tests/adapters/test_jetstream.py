"""Answers of the bus that are none; that of the cluster is asked in tests/on_cluster/test_jetstream.py."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rainbow.adapters import nats_api
from rainbow.adapters.jetstream import consumers
from rainbow.adapters.nats_api import Unheard


@contextmanager
def answering(answer: bytes | None, *, greets: bool = True) -> Iterator[str]:
    """A server that speaks as much NATS as is needed to answer every request with this, or not at all."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener.accept()[0] as connection:
            if greets:
                connection.sendall(b'INFO {"server_id":"x","version":"2.15.1","max_payload":9999,"headers":true}\r\n')
            sid = b"1"
            for line in connection.makefile("rb"):
                words = line.split()
                if words[:1] == [b"SUB"]:
                    sid = words[2]
                elif words[:1] == [b"PING"]:
                    connection.sendall(b"PONG\r\n")
                elif words[:1] == [b"PUB"] and answer is not None:
                    connection.sendall(b"MSG %s %s %d\r\n%s\r\n" % (words[2], sid, len(answer), answer))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"nats://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    thread.join(5)


PLAIN = {"name": "workers-v1", "num_pending": 0, "num_ack_pending": 0, "created": "2026-05-04T12:00:00.123456789Z"}
WHOLE = PLAIN | {"config": {"ack_policy": "explicit"}, "delivered": {"consumer_seq": 0}}
ANSWERS = {
    "no JSON": (b"+OK", "no JSON"),
    "a list": (b"[]", "no object"),
    "a server of the cluster does not answer": ({"total": 2, "consumers": [WHOLE], "missing": ["workers-v2"]}, "v2"),
    "less than it says": ({"total": 2, "consumers": [WHOLE]}, "1 of 2"),
    "a number that is none": ({"total": 1, "consumers": [WHOLE | {"num_pending": None}]}, "not known"),
    "a negative number": ({"total": 1, "consumers": [WHOLE | {"num_ack_pending": -1}]}, "not known"),
    "a truth for a number": ({"total": 1, "consumers": [WHOLE | {"num_pending": False}]}, "not known"),
    "no list": ({"total": 1, "consumers": None}, "no list"),
    "no total": ({"consumers": [WHOLE]}, "no list"),
    "an error in a word": ({"error": "oops"}, "oops"),
    "no numbers": ({"total": 1, "consumers": [{"name": "workers-v1"}]}, "not known"),
    "JetStream is off": ({"error": {"code": 503, "err_code": 10076, "description": "jetstream not enabled"}}, "not en"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_is_not_whole_is_unknown(case: str) -> None:
    """Whatever a server may say instead of all consumers with their numbers."""
    answer, why = ANSWERS[case]
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    with answering(body) as url, pytest.raises(Unheard, match=why):
        consumers(url, "tasks", "*")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes seconds, not for ever."""
    monkeypatch.setattr(nats_api, "REQUEST", 0.2)
    begun = time.monotonic()
    with answering(None) as url, pytest.raises(Unheard, match=r"did not answer CONSUMER\.LIST\.tasks"):
        consumers(url, "tasks", "*")
    assert time.monotonic() - begun < 3


def test_something_that_is_no_bus_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that takes connections and says nothing."""
    monkeypatch.setattr(nats_api, "CONNECT", 0.2)
    begun = time.monotonic()
    with answering(None, greets=False) as url, pytest.raises(Unheard, match="cannot be reached"):
        consumers(url, "tasks", "*")
    assert time.monotonic() - begun < 3


@contextmanager
def server(folder: Path, config: str) -> Iterator[str]:
    """A NATS server of the test's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "nats.conf").write_text(f"host: 127.0.0.1\nport: {port}\n{config}")
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    with subprocess.Popen([program, "-c", folder / "nats.conf"], stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not _listens(port):
                assert time.monotonic() < deadline, "nats-server did not start"
                time.sleep(0.05)
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


LIMITED = """
authorization { users: [{ user: guest, password: guest, permissions: { publish: { deny: "$JS.API.>" } } }] }
no_auth_user: guest
"""
REFUSED = {
    "the permission is missing": (LIMITED, "permissions violation"),
    "nobody may come in": ("authorization { users: [{ user: somebody, password: else }] }", "(?i)authorization"),
    "there is no JetStream": ("", "no responders|not enabled"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_server_that_refuses_is_unknown(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a real server; the message says what is missing."""
    config, why = REFUSED[case]
    monkeypatch.setattr(nats_api, "REQUEST", 1.0)
    with server(tmp_path, config) as url, pytest.raises(Unheard, match=why):
        consumers(url, "tasks", "*")


ASKING = """
import signal, sys
from rainbow.adapters.jetstream import consumers
from rainbow.cli.step import Stopped, _stop
signal.signal(signal.SIGTERM, _stop)
print("asking", flush=True)
try:
    consumers(sys.argv[1], "tasks", "*")
except Stopped:
    print("stopped")
"""


def test_a_sigterm_in_the_middle_of_a_look_gets_through() -> None:
    """The event loop swallows neither the signal nor the time: a step that is to end does so at once."""
    with answering(None) as url:
        command = [sys.executable, "-W", "error", "-c", ASKING, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "asking\n"
            time.sleep(1)
            begun = time.monotonic()
            process.terminate()
            said, _ = process.communicate(timeout=30)
        assert said == "stopped\n"
        assert time.monotonic() - begun < 3
