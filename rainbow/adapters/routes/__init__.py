"""Routes: what carries users' traffic to the current release.

A kind of route is one file with `points_at`, `carries`, `patch` and `references`, and one line in `KINDS`; one that
is not switched but may lead to a release has `references` only, and stands in `_REFERRING`. Reading never guesses: a
route that cannot be understood raises, since "unknown" is not "points at nobody".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast

from rainbow.adapters.kube import Kube
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from rainbow.model.route import RouteState

__all__ = ["Move", "RouteState", "carried_services", "prepare_move", "read_route", "referenced_services"]


@dataclass(frozen=True)
class Move:
    """A move of a route that only has to be written; `remark` is what a person should know about it."""

    write: Callable[[], object]
    remark: str = ""


class RouteKind(Protocol):
    """A module in this folder."""

    def points_at(self, kube: Kube, app: AppConfig) -> RouteState:
        """Where the route leads. Raises RainbowError when that cannot be known."""

    def carries(self, target: Release) -> frozenset[str]:
        """The names, without a release, of the Services behind the route as the release's base has it."""

    def patch(self, kube: Kube, target: Release, state: RouteState, now: datetime) -> Move:
        """The one write that moves (or makes) the route, everything slow done; it raises Conflict."""

    def references(self, kube: Kube, namespace: str) -> dict[str, list[str]]:
        """Service name → names of the routes that refer to it, leaving out a release's own routes to itself."""


# Key under `route` in rainbow.yaml → module. Deletion asks every kind for references, whichever the app uses.
KINDS = {"ingress": "rainbow.adapters.routes.ingress"}
_REFERRING = (*KINDS.values(), "rainbow.adapters.routes.gateway")


def read_route(kube: Kube, app: AppConfig) -> RouteState:
    """Where the app's route leads now. Raises RainbowError when that cannot be known."""
    return _of(app).points_at(kube, app)


def carried_services(target: Release) -> frozenset[str]:
    """The names, without a release, of the Services behind the route. Raises BadInput when the base has no route."""
    return _of(target.spec.app).carries(target)


def prepare_move(kube: Kube, target: Release, state: RouteState, now: datetime) -> Move:
    """Check all that is needed to lead the route to the release, and return the one write that does it.

    That write raises Conflict unless the route is still as `state` says.
    """
    return _of(target.spec.app).patch(kube, target, state, now)


def referenced_services(kube: Kube, namespace: str) -> dict[str, list[str]]:
    """Service name → names of all routes of the namespace that refer to it, at any weight.

    Routes that are themselves objects of the very release that the Service belongs to (its preview) do not count:
    they are deleted with it.
    """
    found: dict[str, list[str]] = {}
    for module in _REFERRING:
        for service, routes in import_module(module).references(kube, namespace).items():
            found[service] = sorted({*found.get(service, []), *routes})
    return found


def _of(app: AppConfig) -> RouteKind:
    """The kind that the app uses: the first one set under `route`."""
    return _load(next(name for name in KINDS if getattr(app.route, name, None) is not None))


def _load(name: str) -> RouteKind:
    return cast("RouteKind", import_module(KINDS[name]))
