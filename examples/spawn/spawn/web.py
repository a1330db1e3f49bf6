"""The HTTP side that all services share: who answers, whether it lives, whether it is ready, and its metrics.

Liveness and readiness are two questions (C1): a process that cannot be helped by a restart stays alive, and one that is
stopping is no longer ready. Every answer, errors included, carries the release in the header X-Release.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from spawn.metrics import Metrics
from spawn.settings import Settings

# Left out of the metrics of requests: they would drown what users see.
NOT_FOR_USERS = ("/healthz", "/readyz", "/metrics")
ActiveTasks = Callable[[], Awaitable[Mapping[str, int]]]


class Surface:
    """One service's HTTP server and the two flags behind its readiness."""

    def __init__(self, settings: Settings, component: str, active: ActiveTasks) -> None:
        self._settings = settings
        self._active = active
        self._runner: web.AppRunner | None = None
        self.metrics = Metrics(settings.release, component)
        self.started = False
        self.stopping = False
        self.app = web.Application(middlewares=[self._measured])
        self.app.on_response_prepare.append(self._signed)
        self.app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
            ]
        )

    async def open(self) -> None:
        """Begin to listen."""
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=self._settings.grace)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.host, self._settings.port).start()

    async def close(self) -> None:
        """Stop listening and finish the requests that are open, up to the grace period."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _signed(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Release"] = self._settings.release
        if self.stopping:
            # Clients and proxies then come back on a new connection, to a pod that stays.
            response.force_close()

    @web.middleware
    async def _measured(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        begin, code = time.monotonic(), 500
        try:
            response = await handler(request)
            code = response.status
        except web.HTTPException as error:
            code = error.status
            raise
        finally:
            if request.path not in NOT_FOR_USERS:
                self.metrics.answered(code, time.monotonic() - begin)
        return response

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        # Not "is the bus there now": a bus that restarts must not take all pods of all releases off the route at once.
        ready = self.started and not self.stopping
        return web.json_response({"ready": ready, "stopping": self.stopping}, status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        text = self.metrics.exposition(await self._active())
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
