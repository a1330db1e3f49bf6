"""Runs a load: the requests by rainbow's own probe, the tasks in a thread, so that nobody need be asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from load.client import TARGETS, Client
from load.plan import Plan
from load.results import Results, TaskRun
from rainbow.adapters.probe import Probe
from rainbow.decisions.answers import Answers

TICK_SECONDS = 0.1


class Load:
    """One load: start it, look at it, stop it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._probe = Probe(plan.requests)
        self._about_tasks = Answers(TARGETS)
        self._client = Client(plan, self._about_tasks.add)
        self._tasks: dict[str, TaskRun] = {}
        self._no_more_tasks = threading.Event()
        self._no_more_following = threading.Event()
        self._following: set[asyncio.Task[None]] = set()
        self._started = 0
        self._longest = float("inf")
        self._ended = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    def start(self) -> None:
        """Begin to send; returns when the first request is answered, or has failed."""
        self._probe.start()
        while not (len(self._probe.answers) or self._probe.over):
            time.sleep(TICK_SECONDS)
        self._thread.start()

    def snapshot(self) -> Results:
        """Return what was seen so far."""
        return Results.of(self._probe.answers, self._about_tasks, tuple(self._tasks.values()))

    def start_no_longer_than(self, seconds: float) -> None:
        """From now on start a task of the shortest length in place of every longer one."""
        self._longest = seconds

    def stop_starting_tasks(self) -> None:
        """Start no more tasks; requests go on, and the tasks that run are followed."""
        self._no_more_tasks.set()

    def stop(self, timeout: float = 300.0) -> Results:
        """Wait until every task is finished or lost, at most `timeout` seconds; then stop all, return the results.

        Raises an exception when the load itself broke (its traceback is on standard error).
        """
        self.stop_starting_tasks()
        deadline = time.monotonic() + timeout
        while self._thread.is_alive() and self._following and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
        self._no_more_following.set()
        self._probe.stop()
        self._thread.join(self._plan.request_timeout + 5)
        if not self._ended:
            raise RuntimeError("the load did not run to its end: its results mean nothing")
        return self.snapshot()

    async def _run(self) -> None:
        async with self._client:
            await self._start_tasks()
            for following in self._following:
                following.cancel()
            await asyncio.gather(*self._following, return_exceptions=True)
        self._ended = True

    async def _start_tasks(self) -> None:
        lengths = itertools.cycle(self._plan.task_seconds)
        shortest = min(self._plan.task_seconds)
        kinds = itertools.cycle(("image", "container"))
        async for _ in self._beat():
            if self._started >= self._plan.max_tasks:
                break
            self._started += 1
            length = next(lengths)
            allowed = length if length <= self._longest else shortest
            following = asyncio.create_task(self._follow(next(kinds), allowed))
            self._following.add(following)
            following.add_done_callback(self._following.discard)
        while not self._no_more_following.is_set() and self._following:
            await asyncio.sleep(TICK_SECONDS)

    async def _beat(self) -> AsyncIterator[None]:
        """Yield as often as a task is to be started, whatever became of the last."""
        rate = self._plan.tasks_per_second
        if rate <= 0:
            return
        begin, end = time.time(), time.time() + self._plan.max_seconds
        for count in itertools.count():
            due = begin + count / rate
            while (ahead := due - time.time()) > 0 and not self._no_more_tasks.is_set():
                await asyncio.sleep(min(ahead, TICK_SECONDS))
            if self._no_more_tasks.is_set() or due > end:
                return
            yield

    async def _follow(self, kind: str, seconds: float) -> None:
        created = await self._client.create(kind, seconds)
        if created is None:
            return
        run = TaskRun(created.data["id"], kind, seconds, created.data["release"], accepted_at=time.time())
        self._tasks[run.id] = run
        lost_at = run.accepted_at + 2 * seconds + self._plan.task_allowance
        pause = seconds
        with contextlib.suppress(asyncio.CancelledError):
            while run.finished_at is None and time.time() < lost_at:
                await asyncio.sleep(pause)
                run, pause = await self._look(run), 1.0
        self._tasks[run.id] = run if run.finished_at else replace(run, lost=True)

    async def _look(self, run: TaskRun) -> TaskRun:
        answer = await self._client.look(run.id)
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
