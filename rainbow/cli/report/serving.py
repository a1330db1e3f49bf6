"""The page on this machine alone, with data that are asked for anew as long as somebody looks.

It listens on 127.0.0.1 and answers only whoever calls it by that address: a page of somebody else, whose name was led
here (DNS rebinding), gets nothing. Nothing can be changed through it.
"""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rainbow.adapters.world import Clock
from rainbow.cli.report.page import page, policy
from rainbow.errors import BadInput, PermanentError, RainbowError

ADDRESS = "127.0.0.1"
_NOTHING = "default-src 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass
class Fresh:
    """The newest data, however many pages ask: found out again once they are older than `every` seconds."""

    find: Callable[[], dict[str, Any]]
    every: float
    clock: Clock = field(default_factory=Clock)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _found: dict[str, Any] | None = None
    _until: float = 0

    def data(self) -> dict[str, Any]:
        """Raises RainbowError when it cannot be found out."""
        with self._lock:
            if self._found is None or self.clock.monotonic() >= self._until:
                self._found = self.find() | {"refresh": int(self.every * 1000)}
                # From the end of it, so that slow answers leave time to others.
                self._until = self.clock.monotonic() + self.every
            return self._found


def server(fresh: Fresh, port: int) -> ThreadingHTTPServer:
    """Listening, not serving yet; `port` 0 takes a free one. Raises BadInput when the port is taken or forbidden."""

    class Handler(_Handler):
        pages = fresh

    try:
        return _Server((ADDRESS, port), Handler)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise BadInput(f"--port {port}: {error.strerror}; give another one, or 0 for any that is free") from error
        raise PermanentError(f"{ADDRESS}:{port} cannot be listened on: {error}") from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # Ctrl-C waits for nobody's slow answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the midst of an answer is no error."""


class _Handler(BaseHTTPRequestHandler):
    pages: Fresh
    server: _Server
    timeout = 30  # seconds that a caller may take to say what it wants

    def do_GET(self) -> None:
        """The page and its data, for whoever calls this server by its own name."""
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{ADDRESS}:{port}", f"localhost:{port}"):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "not a name of this server")
        elif self.path == "/":
            self._found("text/html; charset=utf-8", page, policy(live=True))
        elif self.path == "/data.json":
            self._found("application/json", json.dumps)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is / and /data.json")

    def _found(self, kind: str, written: Callable[[dict[str, Any]], str], rules: str = _NOTHING) -> None:
        try:
            data = self.pages.data()
        except RainbowError as error:
            # What is told here may hold anything: it is JSON or plain text, never a page.
            as_json = kind == "application/json"
            text = json.dumps({"error": str(error)}) if as_json else f"nothing to show: {error}"
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, kind if as_json else "text/plain; charset=utf-8", text)
            return
        self._answer(HTTPStatus.OK, kind, written(data), rules)

    def _answer(self, status: HTTPStatus, kind: str, text: str, rules: str = _NOTHING) -> None:
        body = text.encode()
        self.send_response(status)
        own = {"Content-Type": kind, "Content-Security-Policy": f"{rules}; frame-ancestors 'none'"}
        for name, value in (_HEADERS | own).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Nobody needs to know which."""
        return "rainbow"

    def log_message(self, *_: object) -> None:
        """Requests are not worth a line."""
