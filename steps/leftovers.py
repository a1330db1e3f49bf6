"""What releases left behind, for `collect-garbage`: objects without a record, old records, and consumers on the bus.

All of it after the releases themselves, from what was read again since.
"""

from __future__ import annotations

from collections.abc import Iterator

from rainbow.adapters.belongings import remove
from rainbow.adapters.bus import consumers_of, left_behind, remove_from_bus
from rainbow.adapters.kube import POD, RELEASE
from rainbow.adapters.records import list_records, remove_record
from rainbow.adapters.survey import AppSeen
from rainbow.decisions.age import given_up
from rainbow.decisions.keeping import beyond_history
from rainbow.decisions.retention import Act, Verdict
from rainbow.decisions.sealing import committed
from rainbow.errors import RainbowError
from rainbow.model.names import record_name, release_selector
from rainbow.model.release import Release
from steps.removal import Removal


def without_record(removal: Removal) -> Iterator[tuple[AppSeen, Verdict]]:
    """What becomes of the objects that have no record."""
    now = removal.world.clock.now()
    for app in removal.seen:
        for verdict in app.orphans(now) if app.trouble is None else ():
            yield app, verdict


def surplus(app: AppSeen) -> list[Release]:
    """The records that history has no room for."""
    objects = dict.fromkeys(app.belongings.hidden, 1)  # what cannot be looked at may still be there
    objects |= {release: len(found) for release, found in app.belongings.objects.items()}
    return beyond_history(app.releases, objects, app.routes.current) if app.trouble is None else []


def clear(removal: Removal) -> Iterator[RainbowError]:
    """Delete all that is due; what went wrong."""
    if any(app.without_record for app in removal.seen):
        removal.read()
    for app, verdict in list(without_record(removal)):
        if verdict.act is Act.DELETE:
            yield from _attempt(removal, app, verdict.release)
    for app in removal.seen:
        for record in surplus(app):
            try:
                remove_record(removal.world.kube, record)
                removal.world.say(f"{app.namespace}/{app.app} {record.id}: its record is removed")
            except RainbowError as error:
                yield error
        yield from _clear_bus(removal, app)


def _attempt(removal: Removal, app: AppSeen, release: str) -> Iterator[RainbowError]:
    world, name = removal.world, record_name(app.app, release)
    try:
        if world.kube.get(RELEASE, app.namespace, name) is not None:
            world.say(f"{app.namespace}/{app.app} {release}: kept after all: it has a record now")
            return
        objects = app.belongings.of(release)
        remove(world.kube, app.app, release, objects)
        world.say(f"{app.namespace}/{app.app} {release}: deleted, objects without a record: {len(objects)}")
    except RainbowError as error:
        yield error


def _has_pods(removal: Removal, app: AppSeen, release: str) -> bool:
    """Its last pods may still finish what they have, and acknowledge it."""
    return bool(removal.world.kube.list(POD, app.namespace, labels=release_selector(app.app, release), brief=True))


def _clear_bus(removal: Removal, app: AppSeen) -> Iterator[RainbowError]:
    """Consumers of releases that are gone. Read anew: a release that was made meanwhile has its record by then."""
    with_bus = [r for r in app.releases if r.spec.app.drain.jetstream]
    if app.trouble or app.unreadable or not with_bus:
        return
    config = max(with_bus, key=lambda r: (r.since, r.id)).spec.app
    try:
        found = consumers_of(config, url=removal.watch.bus_url)
        if not found:
            return
        records, _ = list_records(removal.world.kube, app.namespace, app.app)
        there = [*(r.id for r in records if not committed(r.status)), *app.without_record]
        lost = {r.id for r in app.releases if given_up(r)}
        for release, names in left_behind(config, found, there).items():
            dropped = release in lost and not _has_pods(removal, app, release)
            kept = remove_from_bus(config, release, there, removal.watch.bus_url, given_up=dropped)
            told = "; ".join(f"{name} is kept: {why}" for name, why in kept.items()) or ", ".join(names)
            removal.world.say(f"{app.namespace}/{app.app} {release}: removed from the bus: {told}")
    except RainbowError as error:
        yield error
