"""The HTTP side of sessions: one begins wherever its user comes in, and goes on at its own release's address.

`POST /sessions` answers with that address, below /releases/<release>/: rainbow leads it to this release for as long as
the release is there, whichever one is current (K2).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from spawn.bus import Bus, BusError
from spawn.sessions import Session
from spawn.settings import Settings
from spawn.subjects import RELEASE_PATH

_ADDRESS = RELEASE_PATH + "/sessions/{id}"


class SessionApi:
    """Its routes, to be added to those of the API."""

    def __init__(self, settings: Settings, bus: Bus) -> None:
        self._settings = settings
        self._bus = bus

    @property
    def routes(self) -> list[web.RouteDef]:
        """Return what to add."""
        return [
            web.post("/sessions", self._begin),
            web.get(_ADDRESS, self._show),
            web.post(_ADDRESS, self._step),
            web.delete(_ADDRESS, self._end),
        ]

    async def _begin(self, _request: web.Request) -> web.Response:
        return await self._answer(self._bus.sessions.begin, status=201)

    async def _show(self, request: web.Request) -> web.Response:
        return await self._of_this_release(request, lambda: self._bus.sessions.get(request.match_info["id"]))

    async def _step(self, request: web.Request) -> web.Response:
        return await self._of_this_release(request, lambda: self._bus.sessions.step(request.match_info["id"]))

    async def _end(self, request: web.Request) -> web.Response:
        async def end() -> Session:
            await self._bus.sessions.end(request.match_info["id"])
            return Session(request.match_info["id"], self._settings.release)

        return await self._of_this_release(request, end)

    async def _of_this_release(
        self, request: web.Request, call: Callable[[], Awaitable[Session | None]]
    ) -> web.Response:
        release = request.match_info["release"]
        if release != self._settings.release:
            # Its address leads to the current release when its own is gone.
            error = f"release {release} is gone, and its sessions with it; begin a new one"
            return web.json_response({"error": error}, status=410)
        if not request.match_info["id"].isalnum():
            return web.json_response({"error": "expected the id of a session"}, status=400)
        return await self._answer(call)

    async def _answer(self, call: Callable[[], Awaitable[Session | None]], status: int = 200) -> web.Response:
        try:
            session = await self._bus.insist(call, self._settings.patience)
        except BusError as error:
            return web.json_response({"error": str(error)}, status=503, headers={"Retry-After": "1"})
        if session is None:
            return web.json_response({"error": "no such session; begin a new one"}, status=404)
        body = asdict(session) | {"address": session.address}
        return web.json_response(body, status=status, headers={"Location": session.address} if status == 201 else None)
