"""Moving a route whose own backends name the Services of the current release: an Ingress or an HTTPRoute.

Every backend of the app is moved in one JSON patch whose `test` operations hold what was read before (RFC 6902,
section 4.6), so that a change by anybody else in between makes the patch fail instead of being overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rainbow.adapters.kube import Kind, Kube, Object
from rainbow.adapters.records import list_releases
from rainbow.adapters.routes import Move
from rainbow.adapters.routes.backends import Base, backends, base_of, find_base, owned_by_app, title
from rainbow.adapters.routes.owners import ServiceGone, belongs, check_services, only_release, release_of
from rainbow.adapters.routes.patches import edited, follow, moves, same_rules
from rainbow.adapters.routes.rules import Rule, hosts
from rainbow.adapters.routes.traces import Trace, leave, trace_of
from rainbow.errors import Conflict
from rainbow.model.app import AppConfig
from rainbow.model.release import Release
from rainbow.model.route import RouteState


@dataclass(frozen=True)
class Form:
    """What tells one kind of route from the other: how its rules are read, and what the API server adds to it."""

    kind: Kind
    rules: Callable[[Object], list[Rule]]
    defaulted: Callable[[Object], Object] = lambda document: document

    def as_served(self, base: Base) -> Base:
        """The route of a base as the API server would give it back."""
        return replace(base, document=self.defaulted(base.document))


NOWHERE = RouteState(exists=False, current=None, resource_version=None, services=frozenset())


def read(kube: Kube, app: AppConfig, form: Form) -> RouteState:
    """Where the route leads, by the labels of the Services that it names.

    One that is not there is known by the records (`gone`). Raises PermanentError when it is in none of them, or when
    releases are mixed. A Service that has no traffic (a weight of zero) says nothing about who is current; a switch
    leaves it as it leaves Services of no release.
    """
    route = kube.get(form.kind, app.namespace, app.route.entry.name)
    if route is None:
        return NOWHERE
    named = list(backends(route))
    owners: dict[str, str | None] = {}
    gone: set[str] = set()
    for service in sorted({backend.service for backend in named if backend.traffic}):
        try:
            owners[service] = release_of(kube, app, service)
        except ServiceGone:
            if (release := _by_record(kube, app, service)) is None:
                raise
            owners[service] = release
            gone.add(service)
    current = only_release(title(route), app, owners)
    idle = {b.service for b in named} - set(owners)
    plain = {service for service, release in owners.items() if release is None}
    plain |= {service for service in idle if not belongs(kube, app, service, current)}
    last = trace_of(route)
    return RouteState(
        exists=True,
        current=current,
        resource_version=route["metadata"]["resourceVersion"],
        services=frozenset(b.service for b in named),
        plain=frozenset(plain),
        hosts=hosts(form.rules(route), app.route.entry.check_path),
        switched_at=last.at,
        previous=last.previous,
        token=last.token,
        ordered_at=last.ordered_at,
        gone=frozenset(gone),
    )


def _by_record(kube: Kube, app: AppConfig, service: str) -> str | None:
    """The one release whose base has a Service behind its route that is called so in it."""
    found = []
    for release in list_releases(kube, app.namespace, app.app):
        base = find_base(release)
        if base is not None and service in {release.named(b.service) for b in backends(base.document)}:
            found.append(release.id)
    return found[0] if len(found) == 1 else None


def carried(target: Release) -> frozenset[str]:
    """The names, without a release, of the Services behind the route of the base."""
    return frozenset(b.service for b in backends(base_of(target).document))


def prepare(kube: Kube, target: Release, state: RouteState, trace: Trace, form: Form) -> Move:
    """The one write that moves all backends of the app to the release, or makes a route that does not exist.

    Raises Conflict, now or when written, when the route is not what `state` says.
    """
    name, namespace = target.spec.app.route.entry.name, target.namespace
    bases = carried(target)
    check_services(kube, target, bases)
    if not state.exists:
        return Move(partial(kube.create, owned_by_app(base_of(target).led(), target, trace)))
    route = kube.get(form.kind, namespace, name)
    if route is None or route["metadata"]["resourceVersion"] != state.resource_version:
        raise Conflict(f"{form.kind.kind} {namespace}/{name} was changed while it was being switched; try again")
    releases = list_releases(kube, target.namespace, target.app)
    before, wanted = _before(releases, state, form), form.as_served(base_of(target))
    adopted = {r.id for r in releases if r.as_adopted}
    followed = follow(route, before, wanted)
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": state.resource_version},
        *(followed or moves(route, state, new=target.id, bases=bases, adopted=adopted)),
        *leave(route, trace),
    ]
    by_hand = not followed and before is not None and not same_rules(before, wanted)
    return Move(partial(kube.patch, form.kind, namespace, name, operations), edited(route, target) if by_hand else "")


def _before(releases: Sequence[Release], state: RouteState, form: Form) -> Base | None:
    """The route of the base of the release that is current, if its record has one."""
    record = next((r for r in releases if r.id == state.current), None)
    found = find_base(record) if record else None
    return form.as_served(found) if found else None
