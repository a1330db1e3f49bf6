"""The operations of the JSON patch that moves a route whose backends name the Services of a release."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rainbow.adapters.kube import Object
from rainbow.adapters.routes.backends import Base, backends, title
from rainbow.errors import Refused
from rainbow.model.names import object_name
from rainbow.model.release import Release
from rainbow.model.route import RouteState


def moves(
    route: Object, state: RouteState, *, new: str, bases: Iterable[str], adopted: Collection[str] = ()
) -> list[Object]:
    """The operations of a JSON patch that moves the backends of the current release to release `new`.

    `bases` are the Services, without a release, that the new one has behind its route; in the releases `adopted` they
    are called so. Backends of others stay. Raises Refused when one has no counterpart in the new release: the route
    would be left pointing at both.
    """

    def named(base: str, release: str) -> str:
        return base if release in adopted else object_name(base, release)

    counterparts = {named(base, state.current or ""): base for base in bases}
    operations: list[Object] = []
    for backend in backends(route):
        if backend.service in state.plain:
            continue
        if backend.service not in counterparts:
            raise Refused(
                f"{title(route)} has the backend {backend.service}, and release {new} has nothing behind its route "
                f"to take its place; it has {', '.join(sorted(bases))}. Take the path out of the {route['kind']} first"
            )
        operations.append({"op": "test", "path": backend.pointer, "value": backend.service})
        replacement = named(counterparts[backend.service], new)
        operations.append({"op": "replace", "path": backend.pointer, "value": replacement})
    return operations


# What of its spec says who is led where: of an Ingress, and of an HTTPRoute.
_RULES = ("defaultBackend", "rules", "tls", "parentRefs", "hostnames")


def same_rules(one: Base, other: Base) -> bool:
    """Whether the bases of two releases have the same hosts, paths and Services behind their route."""
    return _rules(one.document) == _rules(other.document)


def follow(route: Object, before: Base | None, target: Base) -> list[Object]:
    """The operations that give the route the hosts and paths of the target's base, where they differ.

    Empty when there is nothing to follow, or when the route is not as the base of the release before has it: what a
    person changed on the live route is not undone.
    """
    if before is None or same_rules(before, target):
        return []
    live = _rules(route)
    if live != _rules(before.led()):
        return []
    wanted = _rules(target.led())
    operations: list[Object] = []
    for key in (k for k in _RULES if live[k] != wanted[k]):
        if wanted[key] is None:
            operations.append({"op": "remove", "path": f"/spec/{key}"})
        else:
            operations.append({"op": "add", "path": f"/spec/{key}", "value": wanted[key]})
    return operations


def edited(route: Object, target: Release) -> str:
    """What is said when a route is not followed since a person has changed it."""
    return (
        f"{title(route)} is not what the base of the release before says: somebody changed it. So only its backends "
        f"are switched; what the base of {target.id} says differently about hosts and paths is left to that person"
    )


def _rules(route: Object) -> Object:
    return {key: (route.get("spec") or {}).get(key) for key in _RULES}
