"""The storage worker: one process outside the cluster that keeps the results of all releases (S12).

It hears `<bus>.storage.*`, so a release that did not exist when it started is served like any other; with `*` for the
bus (SPAWN_BUS) it serves every bus of its NATS. Storing the same result twice leaves one file, so workers may ask again
as often as they like.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from spawn import subjects
from spawn.bus import Bus
from spawn.settings import RELEASE, Settings
from spawn.tasks import Task, TaskError
from spawn.web import Surface

log = logging.getLogger("spawn.storage")


class Storage:
    """One storage process; several share the work, as they share a queue group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bus = Bus(settings)
        self._active_by_release: Counter[str] = Counter()
        self._subscription: Subscription | None = None
        self._surface = Surface(settings, "storage", self._active)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; then store what has arrived, and go."""
        await self._surface.open()
        starting = asyncio.create_task(self._start())
        await stop.wait()
        self._surface.stopping = True
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        if self._subscription is not None and self._bus.connected:
            await self._subscription.drain()  # type: ignore[no-untyped-call]
        await self._bus.close()
        await self._surface.close()

    async def _start(self) -> None:
        self._settings.storage_directory.mkdir(parents=True, exist_ok=True)
        await self._bus.connect("storage")
        self._subscription = await self._bus.client.subscribe(
            subjects.all_storage(self._settings.bus), subjects.STORAGE_GROUP, cb=self._serve
        )
        await self._bus.client.flush()
        self._surface.started = True
        log.info("serving all releases of bus %s, storing in %s", self._settings.bus, self._settings.storage_directory)

    async def _active(self) -> Mapping[str, int]:
        return dict(self._active_by_release) if self._bus.connected else {}

    async def _serve(self, message: Msg) -> None:
        release = subjects.release_in(message.subject)
        if not RELEASE.fullmatch(release):
            await self._answer(message, error=f"{release!r} is no release id")
            return
        self._active_by_release[release] += 1
        try:
            task = Task.from_json(message.data)
            place = await asyncio.to_thread(store, self._settings.storage_directory, release, task)
            await self._answer(message, place)
        except (TaskError, OSError) as error:
            log.error("not stored: %s", error)
            await self._answer(message, error=str(error))
        finally:
            self._active_by_release[release] -= 1

    async def _answer(self, message: Msg, place: str = "", error: str = "") -> None:
        headers = {"Error": error.replace("\n", " ")} if error else None
        try:
            await self._bus.client.publish(message.reply, place.encode(), headers=headers)
        except nats.errors.Error as failure:
            log.warning("an answer was not sent, the worker will ask again: %r", failure)


def store(directory: Path, release: str, task: Task) -> str:
    """Write the result of a task, all or nothing, and return its place: `<release>/<id>`."""
    if not task.id.isalnum():
        raise TaskError(f"{task.id!r} is no task id")
    path = directory / release / f"{task.id}.json"
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        file.write(task.to_json())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return f"{release}/{task.id}"
