"""JetStream: what waits on the bus for a release, and the removal of what a release leaves behind there (B10).

One connection serves a whole look at many releases. Everything that is no clear answer raises Unheard, or stands in its
place; nothing is ever replaced by zero.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rainbow.adapters.nats_api import Connection, Refused, Unheard, connected
from rainbow.decisions.bus import Consumer, matches

_GONE = 10014  # the server's code for a consumer that is not there


def consumers(url: str, stream: str, pattern: str) -> tuple[Consumer, ...]:
    """The consumers of a stream whose names match, `*` standing for any text. Raises Unheard."""
    (found,) = look(url, {"": (stream, pattern)}).values()
    if isinstance(found, Unheard):
        raise found
    return found


def look(url: str, asked: Mapping[str, tuple[str, str]]) -> dict[str, tuple[Consumer, ...] | Unheard]:
    """The same for many at once, over one connection: any key → stream and pattern; what failed is the failure."""

    async def ask(bus: Connection) -> dict[str, tuple[Consumer, ...] | Unheard]:
        streams = sorted({stream for stream, _ in asked.values()})
        listed = {stream: await _caught(_listed(bus, stream)) for stream in streams}
        return {key: _matching(listed[stream], pattern) for key, (stream, pattern) in asked.items()}

    try:
        return connected(url, ask)
    except Unheard as error:
        return dict.fromkeys(asked, error)


def remove_consumers(url: str, stream: str, names: Sequence[str], *, given_up: bool = False) -> dict[str, str]:
    """Remove those of these consumers that have nothing left, each asked immediately before. Name → why it was kept.

    `given_up`: also those that have something left. One that is gone already is no error. Raises Unheard.
    """

    async def remove(bus: Connection) -> dict[str, str]:
        kept = {}
        for name in names:
            if why := await _removed(bus, stream, name, given_up=given_up):
                kept[name] = why
        return kept

    return connected(url, remove)


def purge(url: str, stream: str, subjects: Sequence[str]) -> int:
    """Remove all messages of these subjects from a stream; how many they were. Raises Unheard."""

    async def empty(bus: Connection) -> int:
        answers = [await bus.ask(f"STREAM.PURGE.{stream}", {"filter": subject}) for subject in subjects]
        return sum(int(answer.get("purged") or 0) for answer in answers)

    return connected(url, empty)


async def _listed(bus: Connection, stream: str) -> tuple[Consumer, ...]:
    """All consumers of a stream, page by page. Raises Unheard when the list is not whole."""
    found: dict[str, Consumer] = {}
    while True:
        answer = await bus.ask(f"CONSUMER.LIST.{stream}", {"offset": len(found)})
        if missing := answer.get("missing"):
            # Of a cluster of servers, those that have this consumer did not answer in time.
            raise Unheard(f"{bus.url} says nothing of consumer {missing} of stream {stream}")
        before, total, page = len(found), answer.get("total"), answer.get("consumers")
        if not isinstance(total, int) or not isinstance(page, list):
            raise Unheard(f"{bus.url} gave no list of the consumers of stream {stream}")
        found |= {consumer.name: consumer for consumer in map(_consumer, page)}
        if len(found) >= total:
            return tuple(found.values())
        if len(found) == before:
            raise Unheard(f"{bus.url} gave {before} of {total} consumers of stream {stream}")


async def _removed(bus: Connection, stream: str, name: str, *, given_up: bool) -> str | None:
    """Remove a consumer unless something is left for it that is not given up, which is returned as a text."""
    try:
        found = _consumer(await bus.ask(f"CONSUMER.INFO.{stream}.{name}"))
        if (left := found.left) and not given_up:
            return left
        await bus.ask(f"CONSUMER.DELETE.{stream}.{name}")
    except Refused as error:
        if error.code != _GONE:
            raise
    return None


def _consumer(item: Any) -> Consumer:
    try:
        config = item["config"]
        return Consumer(
            name=item["name"],
            pending=_count(item["num_pending"]),
            unacknowledged=_count(item["num_ack_pending"]),
            delivered=_count(item["delivered"]["consumer_seq"]),
            created=datetime.fromisoformat(item["created"]),
            acknowledges=config.get("ack_policy", "none") != "none",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unheard(f"the bus described a consumer in a way that is not known ({error!r})") from error


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(value)
    return value


async def _caught(call: Awaitable[tuple[Consumer, ...]]) -> tuple[Consumer, ...] | Unheard:
    try:
        return await call
    except Unheard as error:
        return error


def _matching(found: tuple[Consumer, ...] | Unheard, pattern: str) -> tuple[Consumer, ...] | Unheard:
    return found if isinstance(found, Unheard) else tuple(c for c in found if matches(pattern, c.name))
