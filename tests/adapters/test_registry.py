"""The one question to a registry, to a small one that answers as the test says."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tenacity

from rainbow.adapters.registry import Registry
from rainbow.errors import PermanentError, TemporaryError

DIGEST = "sha256:" + "ab" * 32


class Server(ThreadingHTTPServer):
    """Gives the answers in turn, the last one again and again; `asked` are the paths."""

    answers: list[tuple[int, str | None]]
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_HEAD(self) -> None:
        """Answer."""
        status, digest = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        self.server.asked.append(self.path)
        self.send_response(status)
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A registry on a free port."""
    server = Server(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry.digest.retry, "wait", tenacity.wait_none())  # type: ignore[attr-defined]


def registry(server: Server) -> Registry:
    """As the step sees it."""
    return Registry(f"127.0.0.1:{server.server_address[1]}", insecure=True)


@pytest.mark.parametrize(
    ("case", "answers", "digest"),
    [
        ("it is there", [(200, DIGEST)], DIGEST),
        ("it is not", [(404, None)], None),
        ("it wants a login", [(401, None)], None),
        ("no digest in the answer", [(200, None)], None),
        ("what is said is no digest", [(200, "sha256:short")], None),
        ("it is busy at first", [(503, None), (429, None), (200, DIGEST)], DIGEST),
    ],
)
def test_what_a_registry_answers(
    case: str, answers: list[tuple[int, str | None]], digest: str | None, server: Server
) -> None:
    """A digest, or none; when in doubt the image is built again."""
    server.answers = list(answers)
    assert registry(server).digest("shop/web", "src-1") == digest
    assert set(server.asked) == {"/v2/shop/web/manifests/src-1"}


def test_a_registry_that_stays_broken_is_worth_another_try(server: Server) -> None:
    """Of the whole step, by Argo."""
    server.answers = [(500, None)]
    with pytest.raises(TemporaryError, match="answers 500"):
        registry(server).digest("shop/web", "src-1")


def test_a_question_that_is_wrong_is_not(server: Server) -> None:
    """It will be wrong again."""
    server.answers = [(400, None)]
    with pytest.raises(PermanentError, match="answers 400"):
        registry(server).digest("shop/web", "src-1")


def test_nobody_there_is_worth_another_try() -> None:
    """A registry that is just being started."""
    with pytest.raises(TemporaryError, match="does not answer"):
        Registry("127.0.0.1:1", insecure=True).digest("shop/web", "src-1")
