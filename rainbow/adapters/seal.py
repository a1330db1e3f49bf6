"""Seal a release before it is deleted, so that no new work can reach it; or open it again.

Every note is on condition that nobody else wrote the record: a switch to the release begins by writing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rainbow.adapters.kube import Kube, Object, identity
from rainbow.adapters.records import note_if_unchanged, read_release
from rainbow.adapters.routes import routes_of_release
from rainbow.adapters.routes.release_routes import close_release_routes
from rainbow.adapters.world import Clock
from rainbow.decisions.rendering import describe
from rainbow.decisions.sealing import committed, sealed
from rainbow.errors import BadInput, Conflict
from rainbow.model.release import Release

# For the roles of the steps that do it. Routes are made anew and never changed: the users' route is not theirs.
SEALING: list[dict[str, Any]] = [
    # the release's own routes: closed, and opened again when it is not deleted after all
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "create", "delete"]},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["get", "create", "delete"]},
]


def seal(kube: Kube, clock: Clock, release: Release) -> Release:
    """Close the routes of the release's own. Raises Conflict when somebody else wrote the record.

    It is noted first, so that after a kill somebody opens them again, and dated after the last of them was closed.
    """
    begun = note_if_unchanged(kube, release, **sealed(release, clock.now()))
    close(kube, release)
    try:
        return note_if_unchanged(kube, begun, **sealed(begun, clock.now()))
    except Conflict:
        _open_unless_sealed(kube, release)
        raise


def close(kube: Kube, release: Release) -> None:
    """Take away its own routes, if it ever had one."""
    if _own_routes(release):
        close_release_routes(kube, release)


def standing_open(kube: Kube, release: Release) -> list[str]:
    """Its own routes that are there: while there is one, the seal is broken, whatever the record says."""
    return [describe(route) for route in _own_routes(release) if kube.get(*identity(route)) is not None]


def unseal(kube: Kube, release: Release, **changes: Any) -> Release:
    """Open them again, and only then note the changes. Raises Conflict when somebody else wrote the record."""
    _open(kube, release)
    return note_if_unchanged(kube, release, **changes)


def _open_unless_sealed(kube: Kube, release: Release) -> None:
    """A switch that began meanwhile asks the proxy through them at this moment.

    But `delete` and `collect-garbage` meet at one release: who has sealed it too counts on them being closed.
    """
    status = read_release(kube, release.namespace, release.app, release.id).status
    if status.sealed_at is None and not committed(status):
        _open(kube, release)


def _open(kube: Kube, release: Release) -> None:
    """Make those that are missing; what is there is left as it is."""
    for route in _own_routes(release):
        if kube.get(*identity(route)) is None:
            kube.create(route)


def _own_routes(release: Release) -> Sequence[Object]:
    try:
        return routes_of_release(release)
    except BadInput:
        return ()  # a base without a route: it never had one of its own either
