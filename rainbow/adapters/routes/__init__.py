"""Routes: what carries users' traffic to the current release.

A kind of route is one file with the functions of `RouteKind`, and one line in `KINDS`; one that is not switched but may
lead to a release has `references` only, and stands in `_REFERRING`. Reading never guesses: a route that cannot be
understood raises, since "unknown" is not "points at nobody".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast

from rainbow.adapters.kube import SERVICE, Kube, Object
from rainbow.adapters.routes.owners import ServiceGone
from rainbow.adapters.routes.rules import Rule
from rainbow.adapters.routes.traces import Trace
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from rainbow.model.route import RouteState
from rainbow.model.staying import Strategy

__all__ = [
    "Move",
    "RouteState",
    "carried_services",
    "plain_services",
    "prepare_move",
    "read_route",
    "referenced_services",
    "route_problems",
    "routes_of_release",
    "rules_of",
]


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

    def patch(self, kube: Kube, target: Release, state: RouteState, trace: Trace) -> Move:
        """The one write that moves (or makes) the route and leaves the trace on it; it raises Conflict."""

    def references(self, kube: Kube, namespace: str) -> dict[str, list[str]]:
        """Service name → names of the routes that refer to it, leaving out a release's own routes to itself."""

    def of_release(self, target: Release) -> list[Object]:
        """The routes of this release alone; that of the preview host first."""

    def rules(self, document: Object) -> list[Rule]:
        """Which hosts and paths an object of this kind leads where."""

    def problems(self, app: AppConfig, document: Object, base: list[Object]) -> Iterable[tuple[str, str]]:
        """What of the base does not fit this kind: the key below it in rainbow.yaml, and what is wrong."""


# Key under `route` in rainbow.yaml → module. Deletion asks every kind for references, whichever the app uses.
KINDS = {
    "ingress": "rainbow.adapters.routes.ingress",
    "service": "rainbow.adapters.routes.service",
    "http_route": "rainbow.adapters.routes.http_route",
}
_ROLLED = "rainbow.adapters.routes.rolled"  # for any of them, where the strategy is rolling
_REFERRING = (
    "rainbow.adapters.routes.ingress",
    "rainbow.adapters.routes.service",
    "rainbow.adapters.routes.gateway",  # HTTPRoutes and their like
)


def read_route(kube: Kube, app: AppConfig, *, though_gone: bool = False) -> RouteState:
    """Where the app's route leads now. Raises RainbowError when that cannot be known.

    `though_gone`: also when it leads to Services that are not there, and only the records say whose they were. That is
    enough to switch away from that release, and not to delete another.
    """
    state = _of(app).points_at(kube, app)
    if state.gone and not though_gone:
        raise ServiceGone(app, ", ".join(sorted(state.gone)))
    return state


def plain_services(kube: Kube, app: AppConfig) -> list[Object]:
    """The Services that the app's route leads to and that belong to no release."""
    found = [kube.get(SERVICE, app.namespace, name) for name in sorted(read_route(kube, app).plain)]
    return [service for service in found if service is not None]


def carried_services(target: Release) -> frozenset[str]:
    """The names, without a release, of the Services behind the route. Raises BadInput when the base has no route."""
    return _of(target.spec.app).carries(target)


def prepare_move(
    kube: Kube,
    target: Release,
    state: RouteState,
    now: datetime,
    token: int | None = None,
    *,
    ordered_at: datetime | None = None,
) -> Move:
    """Check all that is needed to lead the route to the release, and return the one write that does it.

    That write raises Conflict unless the route is still as `state` says. It leaves the fencing `token` on the route,
    and when a person asked for the move.
    """
    return _of(target.spec.app).patch(kube, target, state, Trace(now, state.current, token, ordered_at))


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


def routes_of_release(release: Release) -> list[Object]:
    """The objects that lead to this release whichever is current; that of the preview host first."""
    return _of(release.spec.app).of_release(release)


def rules_of(app: AppConfig, document: Object) -> list[Rule]:
    """Which hosts and paths an object of the app's kind of route leads where."""
    return _of(app).rules(document)


def route_problems(app: AppConfig, document: Object, base: list[Object]) -> Iterable[tuple[str, str]]:
    """What of the base does not fit the app's kind of route: a key of rainbow.yaml, and what is wrong with it."""
    return _of(app).problems(app, document, base)


def _of(app: AppConfig) -> RouteKind:
    """The kind that the app uses: the first one set under `route`, unless it is rolled and so never moved."""
    if app.strategy is Strategy.ROLLING:
        return cast("RouteKind", import_module(_ROLLED))
    return _load(next(name for name in KINDS if getattr(app.route, name, None) is not None))


def _load(name: str) -> RouteKind:
    return cast("RouteKind", import_module(KINDS[name]))
