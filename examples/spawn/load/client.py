"""What users ask about their tasks, through the proxy; nothing is asked twice, and every answer is recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from load.plan import Plan
from rainbow.decisions.answers import Answer
from rainbow.model.probing import Target

CREATE, LOOK = Target(method="POST", url="/tasks"), Target(method="GET", url="/tasks/ID")
TARGETS = (CREATE, LOOK)


@dataclass(frozen=True)
class Task:
    """A successful answer about a task."""

    release: str | None
    data: Any


class Client:
    """Asks, and tells each answer to `heard`."""

    def __init__(self, plan: Plan, heard: Callable[[Answer], None]) -> None:
        self._plan = plan
        self._heard = heard

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._plan.connections),
            headers={"Host": self._plan.host},
            timeout=aiohttp.ClientTimeout(total=self._plan.request_timeout),
        )
        # aiohttp repeats a GET when a kept connection breaks, and says nothing: here that is a failure to be seen.
        self._session._retry_connection = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def create(self, kind: str, seconds: float) -> Task | None:
        """Start a task; None when that was not answered with success."""
        return await self._ask(CREATE, "/tasks", {"kind": kind, "seconds": seconds})

    async def look(self, task: str) -> Task | None:
        """The state of a task."""
        return await self._ask(LOOK, f"/tasks/{task}")

    async def _ask(self, target: Target, path: str, body: object = None) -> Task | None:
        due, status, release, data = time.time(), None, None, None
        try:
            async with self._session.request(target.method, self._plan.url + path, json=body) as reply:
                status, release = reply.status, reply.headers.get("X-Release")
                text = await reply.text()
            error = text[:200] if status >= 400 else None
            data = None if error else json.loads(text)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        self._heard(Answer(due, time.time() - due, TARGETS.index(target), status, release, error))
        return None if error else Task(release, data)
