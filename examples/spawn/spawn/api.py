"""The API: takes tasks from users, gives them to the workers of its own release, and tells the state of any task."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict

import nats.errors
from aiohttp import web

from spawn.bus import Bus, BusError
from spawn.session_api import SessionApi
from spawn.settings import Settings
from spawn.tasks import Task, TaskError, asked_for
from spawn.web import Surface

log = logging.getLogger("spawn.api")
LIST_LIMIT = 1000


class Api:
    """One API process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bus = Bus(settings)
        self._accepting = 0
        self._surface = Surface(settings, "api", self._active)
        self._surface.app.add_routes(
            [
                web.get("/", self._welcome),
                web.post("/tasks", self._create),
                web.get("/tasks", self._list),
                web.get("/tasks/{id}", self._show),
                *SessionApi(settings, self._bus).routes,
            ]
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; then be unready, answer a while longer, finish what is open (J1)."""
        await self._surface.open()
        starting = asyncio.create_task(self._start())
        await stop.wait()
        log.info("stopping: no longer ready, answering for %.0f s more", self._settings.linger)
        self._surface.stopping = True
        await asyncio.sleep(self._settings.linger)
        await self._surface.close()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await self._bus.close()

    async def _start(self) -> None:
        await self._bus.connect("api")
        await self._bus.insist(self._bus.ensure, patience=None)
        self._surface.started = True
        log.info("release %s is ready", self._settings.release)

    async def _active(self) -> Mapping[str, int]:
        if not self._bus.connected:
            return {}
        # Read before the bus is asked: a request that ends in between is then counted twice rather than not at all.
        accepting = self._accepting
        try:
            return {self._settings.release: accepting + await self._bus.unfinished() + await self._bus.sessions.count()}
        except nats.errors.Error as error:
            log.warning("active tasks are unknown, so they are not told: %r", error)
            return {}

    async def _welcome(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {"app": "spawn", "release": self._settings.release, "instance": self._settings.instance}
        )

    async def _create(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
            if not isinstance(body, dict):
                raise TaskError("expected a JSON object with kind and seconds")
            kind, seconds = asked_for(body)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        release = self._settings.release
        task = Task(id=uuid.uuid4().hex, kind=kind, seconds=seconds, release=release, accepted_at=time.time())
        self._accepting += 1
        try:
            await self._accept(task)
        except BusError as error:
            return web.json_response({"error": str(error)}, status=503, headers={"Retry-After": "1"})
        finally:
            self._accepting -= 1
        return web.json_response({"id": task.id, "release": release}, status=202)

    async def _accept(self, task: Task) -> None:
        # First the state, then the message: who has the id can ask for it, and no worker's state is overwritten.
        patience = self._settings.patience
        await self._bus.insist(lambda: self._bus.states.keep(task), patience)
        await self._bus.insist(lambda: self._bus.give(task), patience)

    async def _show(self, request: web.Request) -> web.Response:
        task_id = request.match_info["id"]
        if not task_id.isalnum():
            return web.json_response({"error": "expected the id of a task"}, status=400)
        try:
            task = await self._bus.insist(lambda: self._bus.states.get(task_id), self._settings.patience)
        except BusError as error:
            return web.json_response({"error": str(error)}, status=503, headers={"Retry-After": "1"})
        if task is None:
            return web.json_response({"error": f"no task {task_id}"}, status=404)
        return web.json_response(asdict(task))

    async def _list(self, request: web.Request) -> web.Response:
        release, limit = request.query.get("release"), request.query.get("limit", "100")
        if not (limit.isdecimal() and 0 < int(limit) <= LIST_LIMIT):
            error = f"limit: expected a number from 1 to {LIST_LIMIT}, found {limit!r}"
            return web.json_response({"error": error}, status=400)
        count = int(limit)
        # Those of one release are looked for among the newest of all.
        looked_at = LIST_LIMIT if release else count
        try:
            tasks = await self._bus.insist(lambda: self._bus.states.recent(looked_at), self._settings.patience)
        except BusError as failure:
            return web.json_response({"error": str(failure)}, status=503, headers={"Retry-After": "1"})
        chosen = [task for task in tasks if release in (None, task.release)]
        newest = sorted(chosen, key=lambda task: task.accepted_at, reverse=True)[:count]
        return web.json_response({"tasks": [asdict(task) for task in newest]})
