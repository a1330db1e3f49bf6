"""What users keep open: a long download, a stream of events, a WebSocket. It must not be cut off in the middle.

A download has to come to its end. A stream or a WebSocket may be ended in good order by either side, as one is before
its pod goes; its user then comes back. One that breaks off is a failure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from rainbow.model.probing import DOWNLOAD, WEBSOCKET, Plan

CHUNK = 65_536
BEAT = 2.0  # seconds between two pings on a WebSocket: an end that nobody tells is noticed, too
GOOD_ORDER = (1000, 1001)  # close codes: done, and going away (RFC 6455, 7.4.1)
ENDED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)
T = TypeVar("T")


@dataclass
class Held:
    """What came of it."""

    status: int | None = None
    release: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Holder:
    """Holds things open for users, until `stop` is set."""

    session: aiohttp.ClientSession
    plan: Plan
    stop: asyncio.Event

    async def hold(self, method: str, where: dict[str, Any]) -> Held:
        """Open it and keep it until it ends; a stream or a WebSocket for as long as the plan says, at most."""
        held = Held()
        until = time.monotonic() + self.plan.held_seconds
        try:
            if method == WEBSOCKET:
                await self._websocket(where, held, until)
            else:
                await self._body(where, held, None if method == DOWNLOAD else until)
        except aiohttp.WSServerHandshakeError as failure:
            held.status, held.error = failure.status, f"no WebSocket: {failure.message}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            held.error = worded(failure)
        return held

    async def _body(self, where: dict[str, Any], held: Held, until: float | None) -> None:
        patience = self.plan.timeout
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience, sock_read=patience)
        async with self.session.get(**where, timeout=timeout) as reply:
            held.status, held.release = reply.status, reply.headers.get(self.plan.release_header)
            if reply.status >= 400:
                held.error = (await reply.content.read(200)).decode(errors="replace")
                return
            while await _until_stopped(reply.content.read(CHUNK), self.stop, until):
                pass

    async def _websocket(self, where: dict[str, Any], held: Held, until: float) -> None:
        asked = {key: value for key, value in where.items() if key != "allow_redirects"}
        async with asyncio.timeout(self.plan.timeout):
            socket = await self.session.ws_connect(**asked, autoping=False)
        async with socket:
            held.status, held.release = 101, socket._response.headers.get(self.plan.release_header)
            pinged, unanswered = time.monotonic(), None  # when the last ping was sent; the first without an answer
            while (now := time.monotonic()) < until and not self.stop.is_set():
                if unanswered is not None and now - unanswered >= self.plan.timeout:
                    held.error = f"no answer to a ping within {self.plan.timeout:g} s"
                    return
                if now - pinged >= BEAT:
                    await socket.ping()
                    pinged, unanswered = now, unanswered or now
                due = pinged + BEAT if unanswered is None else min(pinged + BEAT, unanswered + self.plan.timeout)
                message = await _until_stopped(socket.receive(), self.stop, min(until, due))
                if message is not None:
                    unanswered = None
                    if await _is_last(socket, message, held):
                        return


async def _is_last(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage, held: Held) -> bool:
    """Whether it ends with this message, and how."""
    if message.type is aiohttp.WSMsgType.PING:
        await socket.pong(message.data)
    if message.type is aiohttp.WSMsgType.ERROR:
        held.error = worded(message.data)
    elif message.type in ENDED and socket.close_code not in GOOD_ORDER:
        held.error = f"closed with code {socket.close_code}"
    return held.error is not None or message.type in ENDED


def worded(failure: BaseException) -> str:
    """What went wrong, in one line; some exceptions say nothing but their name."""
    return f"{type(failure).__name__}: {failure}".removesuffix(": ")


async def _until_stopped(reading: Awaitable[T], stop: asyncio.Event, until: float | None) -> T | None:
    """What is read; None when the time is up first, or the probe ends."""
    read, stopped = asyncio.ensure_future(reading), asyncio.ensure_future(stop.wait())
    left = None if until is None else max(0.0, until - time.monotonic())
    try:
        await asyncio.wait((read, stopped), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return read.result() if read.done() else None
    finally:
        for waiting in (read, stopped):
            if not waiting.done():
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting
