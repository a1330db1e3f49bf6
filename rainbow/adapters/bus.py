"""What releases have on the bus, by the `drain.jetstream` of each: their work, and what they leave behind (B10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from rainbow.adapters import jetstream
from rainbow.adapters.nats_api import Unheard
from rainbow.decisions.bus import BusWork, Consumer, Naming, bus_work
from rainbow.model.app import AppConfig
from rainbow.model.release import Release

# The flag of the steps that look.
NatsUrl = Annotated[
    str | None,
    Field(
        pattern=r"^(nats|tls)://[^@]+$",
        description="instead of the address of NATS in rainbow.yaml, for running the step outside the cluster",
    ),
]


def work_on_bus(releases: Iterable[Release], url: str | None = None) -> dict[str, BusWork]:
    """Release id → its work, for those that have something on the bus; one connection for each address."""
    asked: dict[str, dict[str, tuple[str, str]]] = {}
    for release in releases:
        if drain := release.spec.app.drain.jetstream:
            stream, pattern = _stream(release.spec.app).of(release.id), _consumers(release.spec.app).of(release.id)
            asked.setdefault(url or drain.url, {})[release.id] = (stream, pattern)
    work: dict[str, BusWork] = {}
    for address, wanted in asked.items():
        for release_id, found in jetstream.look(address, wanted).items():
            if isinstance(found, Unheard):
                work[release_id] = BusWork(problem=f"the bus {found}")
            else:
                work[release_id] = bus_work(found, *wanted[release_id])
    return work


def consumers_of(app: AppConfig, release: str = "*", url: str | None = None) -> tuple[Consumer, ...]:
    """The consumers of a release; with `*` of every release that the stream knows, there or gone. Raises Unheard.

    None where the app has no bus, or names its consumers without $release, so that nobody can tell whose they are.
    """
    drain = app.drain.jetstream
    if drain is None or "$release" not in drain.consumers or (release == "*" and "$release" in drain.stream):
        return ()
    return jetstream.consumers(url or drain.url, _stream(app).of(release), _consumers(app).of(release))


def left_on_bus(app: AppConfig, release: str, others: Iterable[str], url: str | None = None) -> dict[str, str]:
    """The consumers of a release that have something left, each with what that is; as in `remove_from_bus`."""
    left = {consumer.name: consumer.left for consumer in consumers_of(app, release, url) if consumer.left}
    return {name: left[name] for name in _consumers(app).own(left, release, others)} if left else {}


def left_behind(app: AppConfig, found: Iterable[Consumer], releases: Iterable[str]) -> dict[str, list[str]]:
    """Of these consumers, those of releases that are gone: release → its consumers.

    `releases` are the ids of those that are there, read after the consumers: a release that is being deployed at this
    moment would look left behind otherwise.
    """
    names = [consumer.name for consumer in found]
    return {} if app.drain.jetstream is None else _consumers(app).left_behind(names, releases)


def remove_from_bus(
    app: AppConfig, release: str, others: Iterable[str], url: str | None = None, *, given_up: bool = False
) -> dict[str, str]:
    """Remove what a release has on the bus, once its workloads are gone, which would make it anew.

    Consumers with anything left are kept, unless that is `given_up`; with the last of them go the messages of the
    release's own subjects. `others` are the ids of the app's other releases that are there: what may be theirs is left
    alone. Again is as good as once. Returns name → why it was kept. Raises Unheard.
    """
    drain = app.drain.jetstream
    if drain is None or "$release" not in drain.consumers:
        return {}
    address, stream = url or drain.url, _stream(app).of(release)
    names = [consumer.name for consumer in consumers_of(app, release, url)]
    kept = jetstream.remove_consumers(address, stream, _consumers(app).own(names, release, others), given_up=given_up)
    subjects = [Naming(subject, app.namespace, app.app).of(release) for subject in drain.subjects]
    if subjects and not kept:
        jetstream.purge(address, stream, subjects)
    return kept


def _stream(app: AppConfig) -> Naming:
    return Naming(app.drain.jetstream.stream if app.drain.jetstream else "", app.namespace, app.app)


def _consumers(app: AppConfig) -> Naming:
    return Naming(app.drain.jetstream.consumers if app.drain.jetstream else "", app.namespace, app.app)
