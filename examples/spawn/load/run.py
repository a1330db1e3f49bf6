"""Runs a load in a thread of its own, so that whoever shows the demo need not be asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from load.client import Client
from load.plan import Plan
from load.results import Recorder, Results, TaskRun

PATHS = (*["/"] * 19, "/tasks?limit=20")
TICK_SECONDS = 0.1


class Load:
    """One load: start it, look at it, stop it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._log = plan.log.open("w") if plan.log else None
        self._recorder = Recorder(self._log)
        self._client = Client(plan, self._recorder)
        self._no_more_tasks = threading.Event()
        self._no_more_requests = threading.Event()
        self._following: set[asyncio.Task[None]] = set()
        self._started = 0
        self._longest = float("inf")
        self._ended = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def snapshot(self) -> Results:
        """Return what was seen so far."""
        return self._recorder.snapshot(self._client.sent)

    def start_no_longer_than(self, seconds: float) -> None:
        """From now on start a task of the shortest length in place of every longer one."""
        self._longest = seconds

    def stop_starting_tasks(self) -> None:
        """Start no more tasks; requests go on, and the tasks that run are followed."""
        self._no_more_tasks.set()

    def stop(self, timeout: float = 300.0) -> Results:
        """Wait until every task is finished or lost, at most `timeout` seconds; then stop all, return the results.

        Raises RuntimeError when the load itself broke (its traceback is on standard error).
        """
        self.stop_starting_tasks()
        deadline = time.monotonic() + timeout
        while self._thread.is_alive() and self._following and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
        self._no_more_requests.set()
        self._thread.join(self._plan.request_timeout + 5)
        if self._log is not None:
            self._log.close()
        if not self._ended:
            raise RuntimeError("the load did not run to its end: its results mean nothing")
        return self.snapshot()

    async def _run(self) -> None:
        async with self._client:
            await asyncio.gather(self._send_requests(), self._start_tasks())
            for following in self._following:
                following.cancel()
            await asyncio.gather(*self._following, return_exceptions=True)
        self._ended = True

    async def _send_requests(self) -> None:
        open_requests: set[asyncio.Task[object]] = set()
        paths = itertools.cycle(PATHS)
        async for due in self._beat(self._plan.rate, self._no_more_requests):
            if self._client.spent:
                break
            if len(open_requests) >= self._plan.max_in_flight:
                self._client.refuse(next(paths), due)
                continue
            request = asyncio.create_task(self._client.ask("GET", next(paths), due=due))
            open_requests.add(request)
            request.add_done_callback(open_requests.discard)
        await asyncio.gather(*open_requests)

    async def _start_tasks(self) -> None:
        lengths = itertools.cycle(self._plan.task_seconds)
        shortest = min(self._plan.task_seconds)
        kinds = itertools.cycle(("image", "container"))
        async for _ in self._beat(self._plan.tasks_per_second, self._no_more_tasks):
            if self._client.spent or self._started >= self._plan.max_tasks:
                break
            self._started += 1
            length = next(lengths)
            allowed = length if length <= self._longest else shortest
            following = asyncio.create_task(self._follow(next(kinds), allowed))
            self._following.add(following)
            following.add_done_callback(self._following.discard)
        while not self._no_more_requests.is_set() and self._following:
            await asyncio.sleep(TICK_SECONDS)

    async def _beat(self, rate: float, stop: threading.Event) -> AsyncIterator[float]:
        """Yield the Unix times at which something is due, `rate` times a second, whatever became of the last."""
        if rate <= 0:
            return
        begin, end = time.time(), time.time() + self._plan.max_seconds
        for count in itertools.count():
            due = begin + count / rate
            while (ahead := due - time.time()) > 0 and not stop.is_set():
                await asyncio.sleep(min(ahead, TICK_SECONDS))
            if stop.is_set() or due > end:
                return
            yield due

    async def _follow(self, kind: str, seconds: float) -> None:
        answer = await self._client.ask("POST", "/tasks", {"kind": kind, "seconds": seconds})
        if answer is None:
            return
        run = TaskRun(answer.data["id"], kind, seconds, answer.data["release"], accepted_at=time.time())
        self._recorder.task(run)
        lost_at = run.accepted_at + 2 * seconds + self._plan.task_allowance
        pause = seconds
        with contextlib.suppress(asyncio.CancelledError):
            while run.finished_at is None and time.time() < lost_at:
                await asyncio.sleep(pause)
                run, pause = await self._look(run), 1.0
        self._recorder.task(run if run.finished_at else replace(run, lost=True))

    async def _look(self, run: TaskRun) -> TaskRun:
        answer = await self._client.ask("GET", f"/tasks/{run.id}")
        if answer is None or answer.data["status"] != "finished":
            return run
        seen = answer.data
        return replace(
            run,
            finished_release=seen["finished_release"],
            finished_by=seen["finished_by"],
            finished_at=seen["finished_at"],
            stored=seen["stored"],
            attempts=seen["attempts"],
        )
