"""How a release becomes Failed, and how a step that is run again takes it up: the phase on its record.

A failed release is marked and in nobody's way; `delete` removes it when it is old enough, unless somebody retries.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rainbow.adapters.records import note, note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.errors import PermanentError, RainbowError
from rainbow.model.release import Phase, Release

# Users have seen it, or see it now: a step run again by hand takes nothing away from that.
LIVED = {Phase.CURRENT, Phase.DRAINING, Phase.DRAINED}
LONGEST = 1000  # characters of a message on the record; the whole is in the step's log


def has_lived(release: Release) -> bool:
    """Whether the release carries traffic, did, or is just about to: its phase is then the business of `switch`."""
    return release.status.phase in LIVED or release.status.traffic in ("100%", "switching")


def take_up(world: World, release: Release, phase: Phase) -> Release:
    """A failed release that is tried again is no longer Failed, and so safe from `delete`. Raises Conflict."""
    if release.status.phase != Phase.FAILED or has_lived(release):
        return release
    return note_if_unchanged(world.kube, release, phase=phase)


@contextmanager
def marked_as_failed(world: World, release: Release) -> Iterator[None]:
    """A PermanentError inside makes the release Failed, unless it has lived; a TemporaryError leaves it as it is."""
    try:
        yield
    except PermanentError as error:
        _mark(world, release, str(error))
        raise


def _mark(world: World, release: Release, message: str) -> None:
    short = message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"
    try:
        latest = read_release(world.kube, release.namespace, release.app, release.id)
        if has_lived(latest) or latest.status.phase == Phase.DELETED:
            return
        note(world.kube, latest, phase=Phase.FAILED, failed_at=world.clock.now(), message=short)
    except RainbowError as error:
        world.say(f"release {release.id} could not be marked as failed: {error}")
