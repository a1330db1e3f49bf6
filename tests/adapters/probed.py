"""A server of a test's own to be probed: answers, streams and WebSockets that end in good order or break off."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, web

NAMED = {"X-Release": "v1"}


@dataclass
class Server:
    """The server, in a thread; what it was asked."""

    asked: Counter[str] = field(default_factory=Counter)
    connections: set[Any] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    port: int = 0
    context: ssl.SSLContext | None = None  # for https
    drop: bool = False  # whether a kept connection is closed instead of answered, once
    _stop: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[Server]:
        """It has ended when this has."""
        thread = self.start()
        yield self
        self.stop()
        thread.join()

    def start(self) -> threading.Thread:
        """Begin to listen; returns when it does."""
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        assert self._ready.wait(10)
        return thread

    def stop(self) -> None:
        """Ends soon."""
        self._stop.set()

    async def _serve(self) -> None:
        app = web.Application()
        ways = {"/events": _events, "/cut": _cut, "/short": _short, "/live": _live, "/away": _away, "/lost": _lost}
        ways["/mute"] = _mute
        app.add_routes([web.get(path, _quietly(way)) for path, way in ways.items()])
        app.add_routes([web.get("/slow", _slow), web.route("*", "/{any:.*}", self._answer)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.context)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        while not self._stop.is_set():
            await asyncio.sleep(0.02)
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        self.asked[f"{request.method} {request.path}"] += 1
        self.connections.add(request.transport.get_extra_info("peername"))
        self.hosts.add(request.host)
        if self.drop and self.asked.total() > 5:
            self.drop = False
            request.transport.abort()
        status = {"/missing": 404, "/away-for-now": 503, "/moved": 302}.get(request.path, 200)
        return web.json_response({"of": {"release": "v2"}}, status=status, headers=NAMED)


def _quietly(way: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers=NAMED)
        with suppress(ConnectionError, asyncio.CancelledError):  # whoever asked has gone
            answer = await way(request)
        return answer

    return handler


async def _begun(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers=NAMED)
    await answer.prepare(request)
    await answer.write(b"data: x\n\n")
    return answer


async def _events(request: web.Request) -> web.StreamResponse:
    answer = await _begun(request)
    while True:
        await asyncio.sleep(0.05)
        await answer.write(b"data: x\n\n")


async def _cut(request: web.Request) -> web.StreamResponse:
    """Breaks off in the middle."""
    answer = await _begun(request)
    await asyncio.sleep(0.1)
    assert request.transport is not None
    request.transport.abort()
    return answer


async def _short(request: web.Request) -> web.StreamResponse:
    """Ends before its length."""
    answer = web.StreamResponse(headers=NAMED)
    answer.content_length = 100
    await answer.prepare(request)
    await answer.write(b"x" * 50)
    assert request.transport is not None
    request.transport.close()
    return answer


async def _slow(_request: web.Request) -> web.Response:
    await asyncio.sleep(0.5)
    return web.Response(headers=NAMED)


async def _live(request: web.Request) -> web.StreamResponse:
    answer = web.WebSocketResponse()
    answer.headers.update(NAMED)
    await answer.prepare(request)
    async for _ in answer:
        pass
    return answer


async def _away(request: web.Request) -> web.StreamResponse:
    """Says that it goes away."""
    answer = web.WebSocketResponse()
    answer.headers.update(NAMED)
    await answer.prepare(request)
    await asyncio.sleep(0.1)
    await answer.close(code=WSCloseCode.GOING_AWAY)
    return answer


async def _lost(request: web.Request) -> web.StreamResponse:
    """Is gone without a word."""
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    await asyncio.sleep(0.1)
    assert request.transport is not None
    request.transport.abort()
    return answer


async def _mute(request: web.Request) -> web.StreamResponse:
    """Is there, and answers nothing."""
    answer = web.WebSocketResponse(autoping=False)
    answer.headers.update(NAMED)
    await answer.prepare(request)
    await asyncio.sleep(10)
    return answer
