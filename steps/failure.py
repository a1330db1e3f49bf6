"""How a release becomes Failed, and how a step that is run again takes it up: the phase on its record.

A failed release is marked and in nobody's way; `delete` removes it when it is old enough, unless somebody retries.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from rainbow.adapters.records import note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.decisions.switch import ALL, SWITCHING
from rainbow.errors import Conflict, PermanentError, RainbowError, TemporaryError
from rainbow.model.release import Phase, Release

# Users have seen it, or see it now: a step run again by hand takes nothing away from that.
LIVED = {Phase.CURRENT, Phase.DRAINING, Phase.DRAINED}
LONGEST = 1000  # characters of a message on the record; the whole is in the step's log


def has_lived(release: Release) -> bool:
    """Whether the release carries traffic, did, or is just about to: its phase is then the business of `switch`."""
    return release.status.phase in LIVED or release.status.traffic in (ALL, SWITCHING)


def take_up(world: World, release: Release, phase: Phase) -> Release:
    """A failed release that is tried again is no longer Failed, and so safe from `delete`. Raises Conflict."""
    if release.status.phase != Phase.FAILED or has_lived(release):
        return release
    return note_if_unchanged(world.kube, release, phase=phase)


@contextmanager
def marked_as_failed(world: World, release: Release) -> Iterator[None]:
    """A PermanentError inside makes the release Failed, unless it has lived; a TemporaryError leaves its phase.

    It is noted all the same: when the retries run out, people see why the release came no further.
    """
    try:
        yield
    except PermanentError as error:
        mark_failed(world, release, str(error))
        raise
    except TemporaryError as error:
        _note(world, release, message=_short(f"broken off, may do when tried again: {error}"))
        raise


def mark_failed(world: World, release: Release, message: str) -> None:
    """Make it Failed, unless it has lived or is deleted. Whatever goes wrong is only said."""
    _note(world, release, phase=Phase.FAILED, failed_at=world.clock.now(), message=_short(message))


def _note(world: World, release: Release, **changes: Any) -> None:
    attempts = Retrying(stop=stop_after_attempt(3), retry=retry_if_exception_type(Conflict), reraise=True)
    try:
        attempts(_note_unless_lived, world, release, changes)
    except RainbowError as error:
        world.say(f"how the step ended could not be noted in the record of release {release.id}: {error}")


def _note_unless_lived(world: World, release: Release, changes: dict[str, Any]) -> None:
    latest = read_release(world.kube, release.namespace, release.app, release.id)
    if not has_lived(latest) and latest.status.phase != Phase.DELETED:
        note_if_unchanged(world.kube, latest, **changes)  # a switch to it may begin at this very moment


def _short(message: str) -> str:
    return message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"
