"""The one connection of a service to NATS: the stream of tasks, and patience with a bus that restarts.

The stream keeps a task until its worker deletes it, which it does when the result is stored: retention by limits,
without limits. On a work queue or by interest a consumer that comes late, or is removed and made again, can lose
messages; here it finds all that is unfinished, and what the stream holds for a release is exactly the release's
unfinished work (B10). Each release has one durable consumer, which stays until somebody removes it with the release:
one that the bus dropped for idling would leave nobody to tell that nothing is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext, api

from spawn import subjects
from spawn.sessions import Sessions
from spawn.settings import Settings
from spawn.states import REQUEST_SECONDS, States
from spawn.tasks import Task

log = logging.getLogger("spawn.bus")
T = TypeVar("T")
# Retries of a publish within this window are one message to the stream.
DUPLICATE_WINDOW_SECONDS = 300
# The server's codes for deleting a message that is not there.
GONE = (10043, 10057)


class BusError(Exception):
    """The bus did not do what was asked within the time allowed; asking again later may succeed."""


class Bus:
    """Connection, streams, bucket and consumer of one release, made by whichever service comes first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = Client()
        self._stream_name = subjects.stream(settings.bus)
        self.states = States(subjects.bucket(settings.bus))
        self.sessions = Sessions(settings)

    @property
    def client(self) -> Client:
        """Return the plain NATS client, for request and reply."""
        return self._client

    @property
    def stream(self) -> JetStreamContext:
        """Return JetStream with this project's request timeout."""
        return self._client.jetstream(timeout=REQUEST_SECONDS)

    @property
    def connected(self) -> bool:
        """Say whether the server is there right now."""
        return self._client.is_connected

    async def connect(self, name: str) -> None:
        """Connect, waiting for a server for as long as it takes, and reconnect for ever after."""
        await self._client.connect(
            self._settings.nats_url,
            name=f"spawn-{name}-{self._settings.instance}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=_note,
        )

    async def close(self) -> None:
        """Send what is still to be sent and close."""
        # Not drain(): it waits 30 s for leftovers of pull requests that nobody will read.
        if self._client.is_connected:
            with contextlib.suppress(nats.errors.Error):
                await self._client.flush(timeout=int(REQUEST_SECONDS))
        await self._client.close()

    async def ensure(self) -> None:
        """Create what is missing and leave what is there alone: an older or newer release may have made it."""
        await self._ensure_stream()
        await self.states.ensure(self.stream)
        await self.sessions.ensure(self.stream)
        bus, release = self._settings.bus, self._settings.release
        await self.stream.add_consumer(
            self._stream_name,
            durable_name=subjects.consumer(bus, release),
            filter_subject=subjects.tasks_of(bus, release),
            deliver_policy=api.DeliverPolicy.ALL,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self._settings.ack_wait,
            max_deliver=-1,
            max_ack_pending=-1,
        )

    async def _ensure_stream(self) -> None:
        try:
            await self.stream.stream_info(self._stream_name)
        except nats.js.errors.NotFoundError:
            await self.stream.add_stream(
                name=self._stream_name,
                subjects=[subjects.all_tasks(self._settings.bus)],
                retention=api.RetentionPolicy.LIMITS,
                discard=api.DiscardPolicy.NEW,
                duplicate_window=DUPLICATE_WINDOW_SECONDS,
            )

    async def insist(self, call: Callable[[], Awaitable[T]], patience: float | None) -> T:
        """Do a call that may be repeated, until it succeeds or `patience` seconds are over (None: for ever).

        Raises BusError when they are over. What the bus has lost is made again between two attempts.
        """
        deadline = None if patience is None else time.monotonic() + patience
        pause = 0.1
        while True:
            try:
                return await call()
            except nats.errors.Error as error:
                if deadline is not None and time.monotonic() + pause > deadline:
                    raise BusError(f"the bus gave no answer within {patience:g} s: {error!r}") from error
                log.warning("the bus: %r; again in %.1f s", error, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2.0)
            try:
                await self.ensure()
            except nats.errors.Error as error:
                log.warning("the bus is not ready yet: %r", error)

    async def give(self, task: Task) -> None:
        """Give a task to the workers of its release; the message id makes repeating harmless."""
        await self.stream.publish(
            subjects.task(self._settings.bus, task.kind, task.release),
            task.to_json(),
            timeout=REQUEST_SECONDS,
            headers={"Nats-Msg-Id": task.id},
        )

    async def unfinished(self) -> int:
        """Return how many tasks of this release are accepted and not finished, as the bus has them."""
        own = subjects.tasks_of(self._settings.bus, self._settings.release)
        info = await self.stream.stream_info(self._stream_name, own)
        return sum((info.state.subjects or {}).values())

    async def forget(self, sequence: int) -> None:
        """Take a finished task out of the stream; one that is out already is fine."""
        try:
            await self.stream.delete_msg(self._stream_name, sequence)
        except nats.js.errors.APIError as error:
            if error.err_code not in GONE:
                raise


async def _note(error: Exception) -> None:
    log.warning("the bus: %r", error)
