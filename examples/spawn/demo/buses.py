"""The buses of spawn on one NATS: each namespace of the demo or of a test has its own, which goes with it.

A namespace that is deleted leaves stream and bucket behind: they are NATS's, not Kubernetes's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import nats
import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from spawn import subjects

T = TypeVar("T")
REQUEST_SECONDS = 5.0
ALL_SECONDS = 30.0
_BUCKET_PREFIX = "KV_"  # a bucket is a stream of this name, by NATS's own convention


def known(nats_url: str) -> set[str]:
    """Return the buses that have a stream or a bucket."""
    return _bounded(nats_url, _known(nats_url))


def forget(nats_url: str, bus: str) -> None:
    """Remove streams, consumers and bucket of a bus, with all tasks in it; what is not there is fine."""
    _bounded(nats_url, _forget(nats_url, bus))


def _bounded(nats_url: str, call: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(asyncio.wait_for(call, ALL_SECONDS))
    except (nats.errors.Error, OSError) as error:  # TimeoutError is an OSError
        raise RuntimeError(f"the bus at {nats_url} did not do as asked: {error!r}") from error


@contextlib.asynccontextmanager
async def _jetstream(nats_url: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(nats_url, allow_reconnect=False, connect_timeout=int(REQUEST_SECONDS))
    try:
        yield client.jetstream(timeout=REQUEST_SECONDS)
    finally:
        await client.close()


async def _known(nats_url: str) -> set[str]:
    async with _jetstream(nats_url) as jetstream:
        names: set[str] = set()
        while page := await jetstream.streams_info(len(names)):
            names |= {info.config.name or "" for info in page}
    ending = subjects.stream("")
    return {name.removeprefix(_BUCKET_PREFIX).removesuffix(ending) for name in names if name.endswith(ending)}


async def _forget(nats_url: str, bus: str) -> None:
    async with _jetstream(nats_url) as jetstream:
        for name in (subjects.stream(bus), subjects.sessions(bus), _BUCKET_PREFIX + subjects.bucket(bus)):
            with contextlib.suppress(nats.js.errors.NotFoundError):
                await jetstream.delete_stream(name)
