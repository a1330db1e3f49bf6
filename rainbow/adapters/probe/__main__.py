"""The process that sends: a plan as one line of JSON comes in, an answer a line goes out.

It ends when its plan does, or when its input ends: also when whoever started it is gone. It has a process of its own
so that nothing else that goes on beside a probe makes requests late.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import ssl
import sys
from dataclasses import astuple

from rainbow.adapters.probe.sending import Sender
from rainbow.decisions.answers import Answer
from rainbow.model.probing import Plan

FLUSH = 0.05  # seconds


async def main() -> None:
    """Read the plan, send, and say at the end how late a request was at worst."""
    plan = Plan.model_validate_json(sys.stdin.readline())
    lines: list[str] = []

    def heard(answer: Answer) -> None:
        lines.append(json.dumps(astuple(answer)))

    sender = Sender(plan, heard, _trust())
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), _stop_at_the_end, loop, sender)
    writing = asyncio.create_task(_write(lines))
    gc.freeze()
    await sender.run()
    writing.cancel()
    _put(lines)
    sys.stdout.write(json.dumps({"late": sender.late}) + "\n")


def _stop_at_the_end(loop: asyncio.AbstractEventLoop, sender: Sender) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        loop.remove_reader(sys.stdin.fileno())
        sender.stop.set()


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or None)


async def _write(lines: list[str]) -> None:
    while True:
        await asyncio.sleep(FLUSH)
        _put(lines)


def _put(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    lines.clear()


if __name__ == "__main__":
    asyncio.run(main())
