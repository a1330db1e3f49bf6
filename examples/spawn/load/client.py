"""Requests through the proxy as a user sends them: some on connections kept alive, some on fresh ones, none retried."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from load.plan import Plan
from load.results import Failure, Recorder


@dataclass(frozen=True)
class Answer:
    """A successful answer."""

    release: str | None
    data: Any


class Client:
    """Sends requests and records each of them."""

    def __init__(self, plan: Plan, recorder: Recorder) -> None:
        self._plan = plan
        self._recorder = recorder
        self.sent = 0

    async def __aenter__(self) -> Client:
        self._kept = self._session(aiohttp.TCPConnector(limit=self._plan.connections))
        self._fresh = self._session(aiohttp.TCPConnector(limit=0, force_close=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._kept.close()
        await self._fresh.close()

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=connector,
            headers={"Host": self._plan.host},
            timeout=aiohttp.ClientTimeout(total=self._plan.request_timeout),
        )
        # aiohttp repeats a GET when a kept connection breaks, and says nothing: here that is a failure to be seen.
        session._retry_connection = False
        return session

    @property
    def spent(self) -> bool:
        """Say whether all requests that the plan allows were sent."""
        return self.sent >= self._plan.max_requests

    async def ask(self, method: str, path: str, body: object = None, *, due: float | None = None) -> Answer | None:
        """Send one request; returns None, and records why, when it is not answered with success."""
        due = time.time() if due is None else due
        self.sent += 1
        fresh = self._plan.fresh_every > 0 and self.sent % self._plan.fresh_every == 0
        session = self._fresh if fresh else self._kept
        status, release = None, None
        try:
            async with session.request(method, self._plan.url + path, json=body) as reply:
                status, release = reply.status, reply.headers.get("X-Release")
                text = await reply.text()
            now = time.time()
            self._recorder.answered(release, now, now - due, method=method, path=path, status=status, fresh=fresh)
            if status < 400:
                return Answer(release, json.loads(text))
            error = text[:200]
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            error = repr(failure)
        self._recorder.failed(Failure(due, method, path, status, release, error))
        return None

    def refuse(self, path: str, due: float) -> None:
        """Record a request that could not be sent because too many are open: a user would see a failure."""
        self.sent += 1
        self._recorder.failed(Failure(due, "GET", path, None, None, "too many requests are open"))
