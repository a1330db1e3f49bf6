"""Which routes the releases of an app name, and which of them can tell who is current.

Mostly it is one; a release whose rainbow.yaml names another one makes a second. Who never carried traffic has moved no
route: what its rainbow.yaml names may not be there, or be of a kind that the cluster does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rainbow.decisions.sealing import committed, may_have_work
from rainbow.model.release import Release


@dataclass(frozen=True)
class Carrier:
    """A route by the newest release that names it, which is one that was live if there is any (`lived`).

    `users`: the ids of all that name it and are not deleted.
    """

    release: Release
    lived: bool
    users: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the object."""
        return self.release.spec.app.route.entry.name


def carriers(releases: Sequence[Release]) -> list[Carrier]:
    """The routes of releases that are not deleted, in the order in which they are to be believed.

    Those first that may have led to a release that names them; of each sort the one with the newest release.
    """
    found: dict[tuple[str, str], list[Release]] = {}
    there = [release for release in releases if not committed(release.status)]
    for release in sorted(there, key=_belief, reverse=True):
        found.setdefault(route_of(release), []).append(release)
    return [Carrier(rs[0], may_have_work(rs[0].status), tuple(r.id for r in rs)) for rs in found.values()]


def route_of(release: Release) -> tuple[str, str]:
    """The kind and the name of the route of a release: two releases with the same ones share it."""
    route = release.spec.app.route
    return route.key, route.entry.name


def elsewhere(target: Release, current: Release | None) -> str | None:
    """Why moving the route of the target would change nothing for users: they are led to `current` by another one."""
    if current is None or route_of(current) == route_of(target):
        return None
    (key, name), (key_now, name_now) = route_of(target), route_of(current)
    return (
        f"release {target.id} has the route {key} {name}, and users are led to {current.id} by {key_now} {name_now}: "
        f"moving the former would change nothing for them; release what {target.id} is again with the route of "
        f"{current.id} in its rainbow.yaml, or lead users back to {key} {name} by hand"
    )


def _belief(release: Release) -> tuple[object, ...]:
    return may_have_work(release.status), release.since, release.id
