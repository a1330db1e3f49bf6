"""What the bus says of a release, by the cluster's real NATS, each test with a stream of its own (B10)."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from streams import Stream, stream

from cluster.context import Context
from rainbow.adapters.bus import consumers_of, left_behind, remove_from_bus, work_on_bus
from rainbow.adapters.jetstream import consumers, purge, remove_consumers
from rainbow.model.app import AppConfig
from tests.decisions.make import app, release

pytestmark = pytest.mark.cluster


@pytest.fixture
def bus(context: Context) -> Iterator[Stream]:
    """A stream with a consumer for each of two releases."""
    with stream(f"nats://127.0.0.1:{context.ports.nats}", f"test-{uuid.uuid4().hex[:10]}") as made:
        for name in ("v1", "v2"):
            made.consumer(name)
        yield made


def config(bus: Stream, **changes: Any) -> AppConfig:
    """An app whose releases have their work on the stream."""
    drain = {"url": bus.url, "stream": bus.name, "consumers": "workers-$release", "subjects": [f"{bus.name}.$release"]}
    return app(drain=app().drain.model_dump(by_alias=True, mode="json") | {"jetstream": drain | changes})


def test_work_is_seen_until_it_is_acknowledged(bus: Stream) -> None:
    """Waiting, then at work, then done; that of other releases does not count."""
    v1 = release("v1")
    v1 = v1.model_copy(update={"spec": v1.spec.model_copy(update={"app": config(bus)})})

    def seen() -> tuple[int, int, str | None]:
        work = work_on_bus([v1])["v1"]
        return work.pending, work.unacknowledged, work.problem

    bus.publish("v2")
    assert seen() == (0, 0, None)
    bus.publish("v1", 2)
    assert seen() == (2, 0, None)
    bus.work("v1", finish=False)
    assert seen() == (1, 1, None)
    bus.work("v1", finish=True)
    assert seen() == (0, 1, None)


def test_a_consumer_goes_only_when_it_has_nothing_left(bus: Stream) -> None:
    """Asked at that very moment; again is as good as once, and other releases keep theirs."""
    bus.publish("v1")
    assert remove_from_bus(config(bus), "v1", ["v2"]) == {"workers-v1": "1 pending"}
    bus.work("v1", finish=False)
    assert remove_from_bus(config(bus), "v1", ["v2"]) == {"workers-v1": "1 unacknowledged"}
    assert bus.messages() == 1
    purge(bus.url, bus.name, [f"{bus.name}.v1"])  # what is removed from the stream needs no acknowledgement
    for _ in range(2):
        assert remove_from_bus(config(bus), "v1", ["v2"]) == {}
    assert [consumer.name for consumer in consumers(bus.url, bus.name, "*")] == ["workers-v2"]


def test_what_is_given_up_goes_with_the_consumer(bus: Stream) -> None:
    """Waiting, at work, and never to be done; other releases keep theirs."""
    for name in ("v1", "v1", "v2"):
        bus.publish(name)
    bus.work("v1", finish=False)
    for _ in range(2):
        assert remove_from_bus(config(bus), "v1", ["v2"], given_up=True) == {}
    assert [(c.name, c.pending) for c in consumers(bus.url, bus.name, "*")] == [("workers-v2", 1)]
    assert bus.messages() == 1


def test_the_subjects_of_a_deleted_release_are_purged_and_no_others(bus: Stream) -> None:
    """A release that is deployed again under its id does not find what is done."""
    for name in ("v1", "v2"):
        bus.publish(name, 2)
    for _ in range(2):
        bus.work("v1", finish=True)
    assert remove_from_bus(config(bus), "v1", ["v2"]) == {}
    assert bus.messages() == 2


def test_consumers_of_releases_that_are_gone_are_found(bus: Stream) -> None:
    """Whoever died between deleting a release and its consumers left these; those of others stay."""
    bus.consumer("audit", durable_name="audit")
    found = consumers_of(config(bus))
    assert left_behind(config(bus), found, ["v2"]) == {"v1": ["workers-v1"]}
    assert remove_consumers(bus.url, bus.name, ["workers-v1", "workers-v1"]) == {}
    assert sorted(c.name for c in consumers(bus.url, bus.name, "*")) == ["audit", "workers-v2"]


def test_many_consumers_are_all_seen(bus: Stream) -> None:
    """The server lists 256 at a time; the work of the last is not overlooked."""
    asyncio.run(_many(bus, 300))
    bus.publish("r299")
    found = consumers(bus.url, bus.name, "many-*")
    assert len(found) == 300
    assert sum(consumer.pending for consumer in found) == 1


async def _many(bus: Stream, count: int) -> None:
    import nats

    client = await nats.connect(bus.url)
    try:
        for number in range(count):
            subject = f"{bus.name}.r{number}"
            name, ack, memory = f"many-r{number}", "explicit", True
            await client.jetstream().add_consumer(
                bus.name, durable_name=name, filter_subject=subject, ack_policy=ack, mem_storage=memory
            )
    finally:
        await client.close()


def test_what_is_not_there_is_unknown(bus: Stream) -> None:
    """No server, no stream, no consumer, one that acknowledges nothing: a problem each, and no number (B1)."""
    bus.consumer("deaf", ack_policy="none")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        nobody = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        troubles = {
            "cannot be reached": {"url": nobody},
            "stream not found": {"stream": f"{bus.name}-other"},
            "has no consumer nothing-v1": {"consumers": "nothing-$release"},
            "acknowledges nothing": {"consumers": "*$release*"},
        }
        for why, changes in troubles.items():
            name = "deaf" if why == "acknowledges nothing" else "v1"
            one = release(name)
            one = one.model_copy(update={"spec": one.spec.model_copy(update={"app": config(bus, **changes)})})
            assert why in (work_on_bus([one])[name].problem or "")
