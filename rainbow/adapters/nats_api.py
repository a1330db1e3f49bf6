"""Requests to JetStream by its wire API, over one connection within a bounded time.

The requests are those of NATS's own "JetStream wire API", since their answers say more than the client hands on: which
consumers a list lacks, above all. Everything that is no clear answer raises Unheard. The client, and asyncio under it,
are imported where they are used: most starts of a step never speak to a bus, and none should pay for it (P5).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from rainbow.errors import TemporaryError

if TYPE_CHECKING:
    from nats.aio.client import Client

CONNECT, REQUEST, WHOLE = 4.0, 5.0, 30.0  # seconds: to connect, for an answer, for all that is asked at once
T = TypeVar("T")


class Unheard(TemporaryError):
    """The bus gave no answer that can be relied on. The message says why."""


class Connection:
    """One connection to a NATS server."""

    def __init__(self, url: str, client: Client) -> None:
        self.url = url
        self._client = client
        self.complaint = ""

    async def ask(self, subject: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request. Raises Unheard for an answer that is none, or an error."""
        import nats.errors

        try:
            message = await self._client.request(f"$JS.API.{subject}", json.dumps(body or {}).encode(), timeout=REQUEST)
            answer = json.loads(message.data)
        except (nats.errors.Error, OSError) as error:
            raise Unheard(f"{self.url} did not answer {subject} ({self.complaint or _said(error)})") from error
        except ValueError as error:
            raise Unheard(f"{self.url} answered {subject} with something that is no JSON") from error
        if not isinstance(answer, dict):
            raise Unheard(f"{self.url} answered {subject} with something that is no object")
        if failure := answer.get("error"):
            told = failure if isinstance(failure, dict) else {"description": failure}
            raise Refused(f"{self.url} refused {subject}: {told.get('description')}", told.get("err_code"))
        return answer


class Refused(Unheard):
    """The server answered with an error, and its code."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


def connected(url: str, call: Callable[[Connection], Awaitable[T]]) -> T:
    """Connect, call, close, within a bounded time."""
    import asyncio

    return asyncio.run(_bounded(url, call))


async def _bounded(url: str, call: Callable[[Connection], Awaitable[T]]) -> T:
    import asyncio

    try:
        return await asyncio.wait_for(_call(url, call), WHOLE)
    except TimeoutError as error:
        raise Unheard(f"{url} took longer than {WHOLE:g}s") from error


async def _call(url: str, call: Callable[[Connection], Awaitable[T]]) -> T:
    import asyncio

    client_type, errors = _client()
    client = client_type()
    bus = Connection(url, client)

    async def note(error: Exception) -> None:
        bus.complaint = _said(error)  # a missing permission is told here only; the request then gets no answer

    # It tries a second time, soon; without these it would go on for as long as it may.
    again: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.3}
    try:
        try:
            await asyncio.wait_for(client.connect(url, connect_timeout=3, error_cb=note, **again), CONNECT)
        except (errors, OSError, ValueError) as error:
            raise Unheard(f"{url} cannot be reached ({bus.complaint or _said(error)})") from error
        return await call(bus)
    finally:
        await client.close()


def _client() -> tuple[type[Client], type[Exception]]:
    """The client, loaded without aiohttp: that is for WebSockets, and as large as the rest of a waiting step's (P5)."""
    spared = "aiohttp" not in sys.modules
    if spared:
        sys.modules["aiohttp"] = None  # type: ignore[assignment]
    try:
        import nats.errors
        from nats.aio.client import Client
    finally:
        if spared:
            del sys.modules["aiohttp"]
    return Client, nats.errors.Error


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
