"""Requests at a set rate, open-loop: a slow answer delays no other request, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from rainbow.adapters.probe.holding import Holder, worded
from rainbow.decisions.answers import Answer
from rainbow.model.probing import Plan, Target

TICK = 0.1  # seconds, at most, until a stop is noticed
SAID = 200  # characters of an answer that is an error
PAUSE = 0.2  # seconds before a user comes back whose download or stream has failed, or ended at once
NOT_SENT = "not sent: too many requests are open; the app, or this machine, is too slow for the rate"
FAILURES = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


class Sender:
    """Sends what a plan says, and tells each answer to `heard`, until `stop` is set or the plan's bounds are reached.

    `late` is by how many seconds a request was sent later than it was due, at worst: what this machine, and not the
    app, has added to the latencies.
    """

    def __init__(self, plan: Plan, heard: Callable[[Answer], None], trust: ssl.SSLContext | None = None) -> None:
        self._plan = plan
        self._heard = heard
        self._trust = trust
        self._begun = 0.0
        self.stop = asyncio.Event()
        self.late = 0.0

    async def run(self) -> None:
        """Send until the end; what is open then is waited for."""
        requests = [index for index, target in enumerate(self._plan.targets) if not target.held]
        held = [index for index, target in enumerate(self._plan.targets) if target.held]
        self._kept, self._fresh = self._session(), self._session(fresh=True)
        async with self._kept, self._fresh:
            self._begun = time.time()
            users = [self._user(index) for index in held for _ in range(self._plan.users)]
            holding = asyncio.gather(*users)
            await self._send(requests)
            self.stop.set()
            await holding

    def _session(self, *, fresh: bool = False) -> aiohttp.ClientSession:
        trust: ssl.SSLContext | bool = self._trust or True
        if fresh:
            connector = aiohttp.TCPConnector(limit=0, force_close=True, ssl=trust)
        else:
            connector = aiohttp.TCPConnector(limit=self._plan.connections, ssl=trust)
        timeout = aiohttp.ClientTimeout(total=self._plan.timeout)
        session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        # aiohttp repeats a GET when a kept connection breaks, and says nothing: here that is a failure to be seen.
        session._retry_connection = False
        return session

    async def _send(self, requests: list[int]) -> None:
        if not requests:
            await self._wait_for_the_end()
            return
        in_flight: set[asyncio.Task[None]] = set()
        targets, sent, fresh_every = itertools.cycle(requests), 0, self._plan.fresh_every
        async for due in self._beat():
            index = next(targets)
            sent += 1
            if len(in_flight) >= self._plan.in_flight:
                # It cannot be sent; a user of an app that answers so slowly would see a failure.
                self._heard(Answer(due, time.time() - due, index, error=NOT_SENT))
                continue
            fresh = fresh_every > 0 and sent % fresh_every == 0
            request = asyncio.create_task(self._ask(self._fresh if fresh else self._kept, index, due))
            in_flight.add(request)
            request.add_done_callback(in_flight.discard)
        await asyncio.gather(*in_flight)

    async def _wait_for_the_end(self) -> None:
        while not self._over():
            await asyncio.sleep(TICK)

    async def _beat(self) -> AsyncIterator[float]:
        """The Unix times at which a request is due, whatever became of the last."""
        plan, count = self._plan, self._plan.most
        if plan.seconds is not None:
            count = min(count, round(plan.seconds * plan.rate))
        for number in range(count):
            due = self._begun + number / plan.rate
            while (ahead := due - time.time()) > 0 and not self.stop.is_set():
                await asyncio.sleep(min(ahead, TICK))
            if self.stop.is_set():
                return
            self.late = max(self.late, -ahead)
            yield due
            if ahead < -TICK:
                await asyncio.sleep(0)  # behind its time: answers that have come are taken all the same

    def _over(self) -> bool:
        seconds = self._plan.seconds
        return self.stop.is_set() or (seconds is not None and time.time() - self._begun >= seconds)

    async def _ask(self, session: aiohttp.ClientSession, index: int, due: float) -> None:
        plan, target = self._plan, self._plan.targets[index]
        status = release = error = None
        try:
            async with session.request(target.method, **self._where(target), data=target.body) as reply:
                status, release = reply.status, reply.headers.get(plan.release_header)
                body = await reply.read()
            if plan.release_field is not None:
                release = named_in(body, plan.release_field)
            error = body[:SAID].decode(errors="replace") if status >= 400 else None
        except FAILURES as failure:
            error = worded(failure)
        self._heard(Answer(due, time.time() - due, index, status, release, error))

    def _where(self, target: Target) -> dict[str, Any]:
        """The arguments of a request: its URL as it is connected to, and the host that is asked for."""
        headers = dict(self._plan.headers)
        if target.body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        asked: dict[str, Any] = {"url": target.url, "headers": headers, "allow_redirects": False}
        if self._plan.connect is not None:
            to = urlsplit(target.url)
            asked["url"] = urlunsplit(to._replace(netloc=self._plan.connect))
            asked["headers"] = {"Host": to.netloc} | headers
            if to.scheme in ("https", "wss"):
                asked["server_hostname"] = to.hostname
        return asked

    async def _user(self, index: int) -> None:
        """One user who always has this download, stream or WebSocket open."""
        target, holder = self._plan.targets[index], Holder(self._fresh, self._plan, self.stop)
        while not self._over():
            begun = time.time()
            held = await holder.hold(target.method, self._where(target))
            self._heard(Answer(begun, time.time() - begun, index, held.status, held.release, held.error))
            if held.error is not None or time.time() - begun < PAUSE:
                await asyncio.sleep(PAUSE)


def named_in(body: bytes, field: str) -> str | None:
    """The text in a field of a JSON answer, "a.b" for one within another; None when there is none."""
    try:
        value = json.loads(body)
        for name in field.split("."):
            value = value[name]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None
