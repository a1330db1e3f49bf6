"""The entry point: `python -m spawn api`, `worker` or `storage`, until SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import sys

# A container's first process ignores every signal that it has no handler for (pid_namespaces(7)). Asked to stop while
# it is still importing, it has nothing to finish, and must not be waited for until the grace period is over.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

import argparse
import asyncio
import logging
import os
from collections.abc import Callable
from typing import Protocol

from spawn.api import Api
from spawn.settings import Settings, SettingsError
from spawn.storage import Storage
from spawn.worker import Worker


class Service(Protocol):
    """What the three have in common."""

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until the event is set, then end in good order."""


SERVICES: dict[str, Callable[[Settings], Service]] = {"api": Api, "worker": Worker, "storage": Storage}


async def serve(name: str, settings: Settings) -> None:
    """Run one service until a signal tells it to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await SERVICES[name](settings).run(stop)


def main() -> int:
    """Read arguments and environment and serve; returns the exit code."""
    parser = argparse.ArgumentParser(prog="spawn", description="Databases on demand: one service of the app.")
    parser.add_argument("service", choices=SERVICES)
    name = parser.parse_args().service
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        settings = Settings.from_environment(os.environ, every_bus=name == "storage")
    except SettingsError as error:
        print(f"spawn: {error}", file=sys.stderr)  # noqa: T201
        return 2
    asyncio.run(serve(name, settings))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
