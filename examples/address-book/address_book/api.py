"""The HTTP side: people with their addresses, readiness, liveness, metrics. Every answer says its release.

On SIGTERM it is no longer ready, goes on answering for a while with `Connection: close`, and finishes its work (J1).
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from psycopg import Error
from psycopg_pool import PoolTimeout

from address_book.settings import Settings
from address_book.store import Store

LONGEST = 10_000  # bytes of a body
PAGE = 1000
Answer = tuple[int, Any]


class Api(ThreadingHTTPServer):
    """The server; `active` requests are at work."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__((settings.host, settings.port), Handler)
        self.settings, self.store = settings, store
        self.stopping = threading.Event()
        self.active = 0
        self.counting = threading.Lock()

    def stop(self) -> None:
        """What follows SIGTERM; for a thread of its own."""
        self.stopping.set()
        time.sleep(self.settings.linger)
        until = time.monotonic() + self.settings.grace
        while self.active and time.monotonic() < until:
            time.sleep(0.05)
        self.shutdown()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    timeout = 120
    server: Api

    def do_GET(self) -> None:
        """`/people/ID`, `/people?after=ID&limit=N`, and what probes ask."""
        url = urlsplit(self.path)
        match url.path.strip("/").split("/"):
            case ["people", id_] if id_.isdigit():
                self._counted(lambda: self._found(self.server.store.find(int(id_))))
            case ["people"]:
                query = parse_qs(url.query)
                after, limit = int(query.get("after", ["0"])[0]), int(query.get("limit", ["100"])[0])
                self._counted(lambda: (200, self.server.store.list(after, min(limit, PAGE))))
            case ["healthz"] | [""]:
                self._send(200, {"stage": self.server.settings.stage})
            case ["readyz"]:
                self._ready()
            case ["metrics"]:
                release = self.server.settings.release
                self._text(200, f'address_book_active_requests{{release="{release}"}} {self.server.active}\n')
            case _:
                self._send(404, {"error": f"no {url.path}"})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """`/people`: a new person."""
        body = self._body("name", "street", "city")
        if self.path != "/people" or body is None:
            self._send(404 if body else 400, {"error": "expected name, street and city for /people"})
            return
        self._counted(lambda: (201, {"id": self.server.store.add(**body)} | body))

    def do_PUT(self) -> None:
        """`/people/ID/address`: another address."""
        body = self._body("street", "city")
        match self.path.strip("/").split("/"):
            case ["people", id_, "address"] if id_.isdigit() and body is not None:
                moved = {"id": int(id_)} | body
                self._counted(lambda: self._found(moved if self.server.store.move(int(id_), **body) else None))
            case _:
                self._send(400, {"error": "expected street and city for /people/ID/address"})

    def do_DELETE(self) -> None:
        """`/people/ID`."""
        match self.path.strip("/").split("/"):
            case ["people", id_] if id_.isdigit():
                self._counted(lambda: self._found({"id": int(id_)} if self.server.store.remove(int(id_)) else None))
            case _:
                self._send(404, {"error": f"no {self.path}"})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: every request would be a line."""

    def _body(self, *keys: str) -> dict[str, str] | None:
        length = min(int(self.headers.get("Content-Length") or 0), LONGEST)
        try:
            given = json.loads(self.rfile.read(length))
        except ValueError:
            return None
        if not isinstance(given, dict) or sorted(given) != sorted(keys):
            return None
        return given if all(isinstance(value, str) for value in given.values()) else None

    def _ready(self) -> None:
        """A database that is away makes no pod unready: all pods of all releases would be so at once."""
        self._send(503 if self.server.stopping.is_set() else 200, {})

    def _found(self, row: Any) -> Answer:
        return (404, {"error": "nobody has this id"}) if row is None else (200, row)

    def _counted(self, act: Any) -> None:
        with self.server.counting:
            self.server.active += 1
        try:
            status, body = act()
        except (Error, PoolTimeout) as error:
            status, body = 503, {"error": f"the database: {type(error).__name__}: {error}"}
        finally:
            with self.server.counting:
                self.server.active -= 1
        self._send(status, body)

    def _send(self, status: int, body: Any) -> None:
        self._text(status, json.dumps(body) + "\n", "application/json")

    def _text(self, status: int, text: str, kind: str = "text/plain") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Release", self.server.settings.release)
        if self.server.stopping.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
