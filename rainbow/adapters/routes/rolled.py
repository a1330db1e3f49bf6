"""The route of an app that is rolled: it leads to the plain Services from the first release on, and is never moved.

Who is current is read from the live Deployments behind them (rainbow/adapters/rolling.py). The object in front is made
by the first switch, so that nobody is led to a first release that has not passed its tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import cast

from rainbow.adapters.kube import HTTP_ROUTE, INGRESS, SERVICE, Kube, Object
from rainbow.adapters.rolling import read_rolled
from rainbow.adapters.routes import KINDS, Move, RouteKind
from rainbow.adapters.routes.backends import backends, base_of, owned_by_app
from rainbow.adapters.routes.owners import owner
from rainbow.adapters.routes.rules import Rule, hosts
from rainbow.adapters.routes.traces import Trace
from rainbow.errors import Refused
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from rainbow.model.route import RouteState


def points_at(kube: Kube, app: AppConfig) -> RouteState:
    """The release that the app is at, or on its way to. One whose Services the route leads to by name comes first."""
    entry = app.route.entry
    kind = HTTP_ROUTE if entry.document_kind == HTTP_ROUTE.kind else INGRESS
    front = kube.get(kind, app.namespace, entry.document_name)
    services = frozenset(b.service for b in backends(front)) if front else frozenset()
    at = read_rolled(kube, app.namespace, app.app)
    state = RouteState(
        exists=front is not None,
        current=at.release if front and at else None,
        resource_version=front["metadata"]["resourceVersion"] if front else None,
        services=services,
        hosts=hosts(rules(front), entry.check_path) if front else (),
        settled=at is None or at.settled,
    )
    if owned := next((release for service in services if (release := _owner(kube, app, service))), None):
        return replace(state, current=owned)  # it had another strategy before
    if at is None:
        return state
    last = at.last
    return replace(state, switched_at=last.at, previous=last.previous, token=last.token, ordered_at=last.ordered_at)


def carries(target: Release) -> frozenset[str]:
    """The Services behind the route, as its own kind has them."""
    return _front(target.spec.app).carries(target)


def patch(kube: Kube, target: Release, state: RouteState, trace: Trace) -> Move:
    """The one write that makes the object in front, once. Where it leads never changes."""
    if state.exists:
        raise Refused(
            f"release {target.id} of {target.app} is rolled, not switched to: release it anew, or "
            f"rainbow rollback -n {target.namespace} {target.app} {target.id}"
        )
    return Move(partial(kube.create, owned_by_app(base_of(target).document, target, trace)))


def of_release(_target: Release) -> list[Object]:
    """No release has a route of its own: there is one set of pods."""
    return []


def rules(document: Object) -> list[Rule]:
    """Which hosts and paths the object in front leads where."""
    return _load("http_route" if document["kind"] == HTTP_ROUTE.kind else "ingress").rules(document)


def problems(app: AppConfig, document: Object, base: list[Object]) -> Iterable[tuple[str, str]]:
    """What does not fit the kind in front."""
    return _front(app).problems(app, document, base)


def _owner(kube: Kube, app: AppConfig, service: str) -> str | None:
    found = kube.get(SERVICE, app.namespace, service)
    of_app, release = owner(found) if found else (None, None)
    return release if of_app == app.app else None


def _front(app: AppConfig) -> RouteKind:
    return _load(next(name for name in KINDS if getattr(app.route, name, None) is not None))


def _load(name: str) -> RouteKind:
    return cast("RouteKind", import_module(KINDS[name]))
