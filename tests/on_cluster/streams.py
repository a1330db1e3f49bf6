"""A stream of a test's own on the cluster's NATS, with consumers of releases, and messages for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext

T = TypeVar("T")


@dataclass(frozen=True)
class Stream:
    """The stream; its subjects are `<name>.<release>`, and a release's consumer is `workers-<release>`."""

    url: str
    name: str

    def consumer(self, release: str, **config: Any) -> None:
        """Make the durable consumer of a release."""
        plain = {"durable_name": f"workers-{release}", "filter_subject": f"{self.name}.{release}"}
        plain["ack_policy"] = "explicit"
        self._do(lambda js: js.add_consumer(self.name, **(plain | config)))

    def publish(self, release: str, count: int = 1) -> None:
        """Give the release something to do."""

        async def send(js: JetStreamContext) -> None:
            for _ in range(count):
                await js.publish(f"{self.name}.{release}", b"work")

        self._do(send)

    def work(self, release: str, *, finish: bool) -> None:
        """Take a message, and acknowledge it or not: who took it is gone then, as if killed."""

        async def take(js: JetStreamContext) -> None:
            message: Msg = (await (await js.pull_subscribe_bind(f"workers-{release}", self.name)).fetch(1))[0]
            if finish:
                await message.ack_sync()

        self._do(take)

    def messages(self) -> int:
        """How many messages the stream holds."""
        return self._do(lambda js: js.stream_info(self.name)).state.messages

    def _do(self, call: Callable[[JetStreamContext], Awaitable[T]]) -> T:
        async def connected() -> T:
            client = await nats.connect(self.url, allow_reconnect=False)
            try:
                return await call(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(connected())


@contextmanager
def stream(url: str, name: str, **config: Any) -> Iterator[Stream]:
    """A new stream of this name; it goes with all that is in it."""
    made = Stream(url, name)
    made._do(lambda js: js.add_stream(name=name, subjects=[f"{name}.>"], **config))
    try:
        yield made
    finally:
        made._do(lambda js: js.delete_stream(name))
