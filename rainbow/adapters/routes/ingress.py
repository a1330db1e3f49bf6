"""An Ingress as the route: its backends name the Services of the current release.

Every backend of the app is moved in one JSON patch whose `test` operations hold what was read before (RFC 6902,
section 4.6), so that a change by anybody else in between makes the patch fail instead of being overwritten.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from rainbow.adapters.kube import INGRESS, SERVICE, Kube, Object
from rainbow.adapters.records import list_releases
from rainbow.adapters.routes import Move
from rainbow.adapters.routes.backends import (
    backends,
    base_ingress,
    first_ingress,
    follow,
    has_ingress,
    hosts,
    moves,
    owner,
    same_rules,
    switched,
    title,
    traces,
)
from rainbow.errors import Conflict, PermanentError
from rainbow.model.app import AppConfig
from rainbow.model.names import RELEASE_LABEL, object_name
from rainbow.model.release import Release
from rainbow.model.route import RouteState

# --- the verbs of a kind of route ----------------------------------------------------------------------


def points_at(kube: Kube, app: AppConfig) -> RouteState:
    """Where the Ingress leads, by the labels of the Services that it names.

    Raises PermanentError when a Service is missing or when releases are mixed.
    """
    ingress = kube.get(INGRESS, app.namespace, app.route.entry.name)
    if ingress is None:
        return RouteState(exists=False, current=None, resource_version=None, services=frozenset())
    services = sorted({b.service for b in backends(ingress)})
    owners = {service: _release_of(kube, app, service) for service in services}
    releases = sorted({release for release in owners.values() if release is not None})
    if len(releases) > 1:
        raise PermanentError(
            f"{title(ingress)} points at several releases of {app.app}: {', '.join(releases)} "
            f"(backends {', '.join(services)}); point all of them at one release"
        )
    switched_at, previous = switched(ingress)
    return RouteState(
        exists=True,
        current=releases[0] if releases else None,
        resource_version=ingress["metadata"]["resourceVersion"],
        services=frozenset(services),
        plain=frozenset(service for service, release in owners.items() if release is None),
        hosts=hosts(ingress, app.route.entry.check_path),
        switched_at=switched_at,
        previous=previous,
    )


def carries(target: Release) -> frozenset[str]:
    """The names, without a release, of the Services behind the Ingress of the base."""
    return frozenset(b.service for b in backends(base_ingress(target)))


def patch(kube: Kube, target: Release, state: RouteState, now: datetime) -> Move:
    """The one write that moves all backends of the app to the release, or makes an Ingress that does not exist.

    Raises Conflict, now or when written, when the Ingress is not what `state` says.
    """
    name, namespace = target.spec.app.route.entry.name, target.namespace
    _check_services(kube, target)
    if not state.exists:
        return Move(partial(kube.create, first_ingress(target, now)))
    ingress = kube.get(INGRESS, namespace, name)
    if ingress is None or ingress["metadata"]["resourceVersion"] != state.resource_version:
        raise Conflict(f"Ingress {namespace}/{name} was changed while it was being switched; try again")
    before = _before(kube, target, state)
    followed = follow(ingress, before, target)
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": state.resource_version},
        *(followed or moves(ingress, state, new=target.id, bases=carries(target))),
        *traces(ingress, state.current, now),
    ]
    by_hand = not followed and before is not None and not same_rules(before, target)
    return Move(partial(kube.patch, INGRESS, namespace, name, operations), _edited(ingress, target) if by_hand else "")


def _edited(ingress: Object, target: Release) -> str:
    return (
        f"{title(ingress)} is not what the base of the release before says: somebody changed it. So only its backends "
        f"are switched; what the base of {target.id} says differently about hosts and paths is left to that person"
    )


def _before(kube: Kube, target: Release, state: RouteState) -> Release | None:
    """The record of the release that the route leads to, if there is one with an Ingress in its base."""
    releases = list_releases(kube, target.namespace, target.app)
    return next((r for r in releases if r.id == state.current and has_ingress(r)), None)


def references(kube: Kube, namespace: str) -> dict[str, list[str]]:
    """Service name → names of the Ingresses that refer to it, but for an Ingress of the Service's own release."""
    owners = {s["metadata"]["name"]: owner(s) for s in kube.list(SERVICE, namespace)}
    found: dict[str, list[str]] = {}
    for ingress in kube.list(INGRESS, namespace):
        own = owner(ingress)
        for service in {b.service for b in backends(ingress)}:
            if None in own or owners.get(service) != own:
                found.setdefault(service, []).append(ingress["metadata"]["name"])
    return {service: sorted(names) for service, names in found.items()}


# --- Services -----------------------------------------------------------------------------------------------


def _check_services(kube: Kube, target: Release) -> None:
    """Raises PermanentError unless every Service behind the route is there and is this release's own."""
    for base in sorted(carries(target)):
        name = object_name(base, target.id)
        found = _release_of(kube, target.spec.app, name)
        if found != target.id:
            raise PermanentError(
                f"Service {target.namespace}/{name} does not belong to release {target.id} of {target.app} "
                f"(its label {RELEASE_LABEL} says {found}); deploy the release again"
            )


def _release_of(kube: Kube, app: AppConfig, service: str) -> str | None:
    obj = kube.get(SERVICE, app.namespace, service)
    if obj is None:
        raise PermanentError(
            f"there is no Service {app.namespace}/{service}, which route {app.route.entry.name} has to lead to: "
            "which release is current cannot be known. Deploy the release again, or mend the route"
        )
    of_app, release = owner(obj)
    return release if of_app == app.app else None
