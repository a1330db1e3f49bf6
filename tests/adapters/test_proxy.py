"""Asking a proxy which release answers; the proxy is a real HTTP server on this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cluster.certificates import Authority, Subject
from rainbow.adapters.proxy import Proxy, Watch
from rainbow.adapters.world import Clock
from rainbow.errors import BadInput


@dataclass
class Script:
    """What the server answers: status and release, one after the other; the last one is repeated."""

    url: str
    server: ThreadingHTTPServer
    answers: list[tuple[int, str | None]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)


@pytest.fixture
def script() -> Iterator[Script]:
    """A server that follows a script."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            play.hosts.append(self.headers["Host"])
            play.connections.add(self.client_address)
            status, release = play.answers.pop(0) if len(play.answers) > 1 else play.answers[0]
            self.send_response(status)
            if release:
                self.send_header("X-Release", release)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    play = Script(f"http://127.0.0.1:{server.server_port}", server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield play
    server.shutdown()
    thread.join()
    server.server_close()


def _proxy(url: str) -> Proxy:
    return Proxy(url=url, header="X-Release", clock=Clock())


def _watch(script: Script, *hosts: str, in_a_row: int = 3, timeout: float = 5) -> Watch:
    return Watch(hosts or ("a.example",), "/", in_a_row=in_a_row, timeout=timeout, pause=0.001)


def test_it_is_settled_after_so_many_answers_in_a_row(script: Script) -> None:
    """One answer of the old release in between starts the count again."""
    script.answers = [(200, "v1"), (200, "v2"), (200, "v2"), (200, "v1"), (200, "v2")]
    seen = _proxy(script.url).watch("v2", _watch(script))
    assert (seen.settled, seen.count) == (True, 7)
    assert seen.last_of_other is not None
    assert seen.last_of_other.release == "v1"
    assert seen.failures == []


def test_every_question_has_a_connection_of_its_own_and_names_the_host(script: Script) -> None:
    """A kept connection would go on telling about the backend that it was opened for."""
    script.answers = [(200, "v2")]
    seen = _proxy(script.url).watch("v2", _watch(script, "a.example", "b.example"))
    assert len(script.connections) == seen.count == 6
    assert script.hosts == ["a.example", "b.example"] * 3


@pytest.mark.parametrize("answer", [(500, "v2"), (502, None), (200, None), (200, "v1"), (404, None)])
def test_what_is_no_good_answer_of_the_release_never_settles(script: Script, answer: tuple[int, str | None]) -> None:
    """A failure of the release itself, of the proxy, or an answer of somebody else."""
    script.answers = [answer]
    seen = _proxy(script.url).watch("v2", _watch(script, timeout=0.1))
    assert not seen.settled
    assert len(seen.failures) == (0 if answer == (200, "v1") else seen.count)


def test_a_release_before_that_does_not_name_itself_is_another_release_and_no_failure(script: Script) -> None:
    """It was adopted as it ran (S13). What the proxy says of a host that it does not know is a failure still."""
    script.answers = [(200, None), (404, None), (200, "v2")]
    seen = _proxy(script.url).watch("v2", replace(_watch(script), unnamed=True))
    assert seen.settled
    assert [answer.status for answer in seen.failures] == [404]
    assert seen.last_of_other is not None
    assert (seen.last_of_other.status, seen.last_of_other.release) == (200, None)


@pytest.mark.parametrize(
    ("answer", "settles"), [((200, None), True), ((404, None), False), ((500, None), False), ((200, "v1"), False)]
)
def test_a_release_that_does_not_name_itself_is_known_by_its_answers(
    script: Script, answer: tuple[int, str | None], settles: bool
) -> None:
    """Going back to what was adopted: answers without a name, and nobody else's."""
    script.answers = [answer]
    seen = _proxy(script.url).watch(None, _watch(script, timeout=0.1))
    assert seen.settled is settles


@pytest.mark.parametrize(("status", "settles"), [(200, True), (404, True), (500, True), (502, False), (503, False)])
def test_of_a_service_beside_the_checked_one_any_answer_will_do(script: Script, status: int, settles: bool) -> None:
    """It need not send the header; only that nobody is behind the proxy is no answer."""
    script.answers = [(status, None)]
    seen = _proxy(script.url).watch("v2", replace(_watch(script, timeout=0.1), anybody=True))
    assert seen.settled == settles


def test_a_proxy_with_a_certificate_of_the_company_is_believed_by_the_bundle_of_the_steps(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE is how steps get it; without it the same proxy is not believed."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    authority, now = Authority(tmp_path), datetime.now(UTC)
    authority.ensure(now)
    pair = authority.issue(Subject("proxy", "proxy", hosts=("localhost", "127.0.0.1")), now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    script.answers = [(200, "v2")]
    script.server.socket = context.wrap_socket(script.server.socket, server_side=True)
    proxy = _proxy(script.url.replace("http:", "https:"))
    assert "CERTIFICATE_VERIFY_FAILED" in str(proxy.ask("a.example", "/"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
    assert proxy.ask("a.example", "/").good("v2")


def test_a_bundle_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one would look for the fault at the proxy."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.crt"))
    with pytest.raises(BadInput, match=r"REQUESTS_CA_BUNDLE .*none.crt"):
        _proxy("https://127.0.0.1:1").ask("", "/")


def test_a_refusal_of_the_application_is_an_answer(script: Script) -> None:
    """A path that asks for a login shows as well who answers."""
    script.answers = [(401, "v2")]
    assert _proxy(script.url).watch("v2", _watch(script)).settled


def test_no_proxy_at_all_is_told_and_not_raised() -> None:
    """The caller says what it was waiting for."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        answer = _proxy(f"http://127.0.0.1:{taken.getsockname()[1]}").ask("a.example", "/")
    assert answer.status is None
    assert "refused" in str(answer)


def test_something_that_does_not_speak_http_is_told_and_not_raised() -> None:
    """A wrong port in rainbow.yaml."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def gibberish() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail\r\n\r\n")

        thread = threading.Thread(target=gibberish)
        thread.start()
        answer = _proxy(f"http://127.0.0.1:{server.getsockname()[1]}").ask("", "/")
        thread.join()
    assert answer.status is None
    assert "BadStatusLine" in str(answer)
