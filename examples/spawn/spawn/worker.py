"""The worker: does the tasks of its own release, one message each, and gives none back unfinished if it can help it.

A task leaves the stream only when its result is stored. While a worker has it, heartbeats keep it from being given to
another; when the worker dies they stop, and another worker of the same release gets it (S2, J1).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from spawn import subjects
from spawn.bus import Bus
from spawn.settings import Settings
from spawn.tasks import Status, Task, TaskError
from spawn.web import Surface

log = logging.getLogger("spawn.worker")
FETCH_SECONDS = 1.0
STORE_SECONDS = 5.0


class Worker:
    """One worker process with a number of slots."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bus = Bus(settings)
        self._at_work: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._in_touch = False
        self._surface = Surface(settings, "worker", self._active)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then finish the tasks at hand, or give them back when the grace period ends."""
        self._stop = stop
        await self._surface.open()
        fetching = asyncio.create_task(self._fetch_all())
        await stop.wait()
        self._surface.stopping = True
        log.info("stopping: finishing %d tasks within %.0f s", len(self._at_work), self._settings.grace)
        begin = time.monotonic()
        if self._surface.started:
            await asyncio.wait([fetching], timeout=3 * FETCH_SECONDS)
        fetching.cancel()
        if self._at_work:
            left = max(0.0, self._settings.grace - (time.monotonic() - begin))
            await asyncio.wait(self._at_work, timeout=left)
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(fetching, *self._at_work, return_exceptions=True)
        await self._surface.close()
        await self._bus.close()

    async def _active(self) -> Mapping[str, int]:
        # A worker that is out of touch with the bus does not know what waits for it, and so says nothing.
        if not (self._in_touch and self._bus.connected):
            return {}
        return {self._settings.release: len(self._at_work)}

    async def _fetch_all(self) -> None:
        await self._bus.connect("worker")
        await self._bus.insist(self._bus.ensure, patience=None)
        subscription = await self._bind()
        self._surface.started = self._in_touch = True
        log.info("release %s is ready", self._settings.release)
        while not self._stop.is_set():
            if len(self._at_work) >= self._settings.slots:
                await asyncio.wait(self._at_work, return_when=asyncio.FIRST_COMPLETED, timeout=FETCH_SECONDS)
                continue
            await self._fetch_one(subscription)
        while subscription.pending_msgs:
            await _give_back((await subscription.fetch(1, timeout=FETCH_SECONDS))[0])

    async def _bind(self) -> JetStreamContext.PullSubscription:
        consumer = subjects.consumer(self._settings.bus, self._settings.release)
        return await self._bus.stream.pull_subscribe_bind(consumer, subjects.stream(self._settings.bus))

    async def _fetch_one(self, subscription: JetStreamContext.PullSubscription) -> None:
        try:
            message = (await subscription.fetch(1, timeout=FETCH_SECONDS))[0]
        except nats.errors.TimeoutError:
            self._in_touch = self._bus.connected
            return
        except nats.errors.Error as error:
            self._in_touch = False
            log.warning("no tasks to be had from the bus: %r", error)
            await asyncio.sleep(FETCH_SECONDS)
            if not self._stop.is_set():  # or a release that is being removed would leave a consumer behind
                await self._bus.insist(self._bus.ensure, patience=None)
            return
        self._in_touch = True
        if self._stop.is_set():
            # It came with the last request; another worker takes it at once.
            await _give_back(message)
            return
        work = asyncio.create_task(self._handle(message))
        self._at_work.add(work)
        work.add_done_callback(self._at_work.discard)

    async def _handle(self, message: Msg) -> None:
        beating = asyncio.create_task(self._beat(message))
        try:
            await self._do(message)
        except TaskError as error:
            log.error("message %d is no task and is dropped: %s", message.metadata.sequence.stream, error)
            await message.term()
        except asyncio.CancelledError:
            log.warning("the grace period is over: giving a task back")
            await _give_back(message)
            raise
        finally:
            beating.cancel()

    async def _beat(self, message: Msg) -> None:
        while True:
            await asyncio.sleep(self._settings.ack_wait / 3)
            try:
                await message.in_progress()
            except nats.errors.Error as error:
                log.warning("a heartbeat was not sent: %r", error)

    async def _do(self, message: Msg) -> None:
        bus, release, sequence = self._bus, self._settings.release, message.metadata.sequence.stream
        given = Task.from_json(message.data)
        known = await bus.insist(lambda: bus.states.get(given.id), patience=None)
        if known is None or known.status is not Status.FINISHED:
            begun = given.started(message.metadata.num_delivered or 1, time.time())
            await bus.insist(lambda: bus.states.keep(begun), patience=None)
            log.info("task %s: begun, attempt %d", begun.id, begun.attempts)
            await asyncio.sleep(begun.seconds)
            stored = await self._store(begun)
            done = begun.finished(release, self._settings.instance, stored, time.time())
            await bus.insist(lambda: bus.states.keep(done), patience=None)
            self._surface.metrics.finished(done.kind)
            log.info("task %s: finished", done.id)
        # Out of the stream first: dying between the two leaves nothing behind.
        await bus.insist(lambda: bus.forget(sequence), patience=None)
        await message.ack()

    async def _store(self, task: Task) -> str:
        subject = subjects.storage(self._settings.bus, self._settings.release)

        async def ask() -> str:
            reply = await self._bus.client.request(subject, task.to_json(), timeout=STORE_SECONDS)
            if reply.headers and "Error" in reply.headers:
                raise nats.errors.Error(f"storage: {reply.headers['Error']}")
            return reply.data.decode()

        return await self._bus.insist(ask, patience=None)


async def _give_back(message: Msg) -> None:
    try:
        await message.nak()
    except nats.errors.Error as error:
        log.warning("not given back, so it is given again when its time is over: %r", error)
