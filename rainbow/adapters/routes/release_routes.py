"""The routes of one release: there from before its switch until it goes, whichever release is current (B6, K2).

Through the same proxy that carries the users, so that "ready" can be asked of the proxy itself instead of the API
server, and that tests, previews and sessions reach their own release. They are objects of the release and are deleted
with it. A release whose routes are closed, and that is not current, is sealed: no new work can reach it.
"""

from __future__ import annotations

from rainbow.adapters.kube import Kube, identity
from rainbow.adapters.routes import routes_of_release, rules_of
from rainbow.adapters.routes.owners import owner
from rainbow.adapters.routes.release_names import preview_host
from rainbow.adapters.routes.rules import other_services
from rainbow.decisions.rendering import foreign
from rainbow.errors import Refused
from rainbow.model.release import ObjectRef, Release


def release_route_refs(release: Release) -> list[ObjectRef]:
    """Their lines in the inventory of the release."""
    kinds = [identity(obj) for obj in routes_of_release(release)]
    return [ObjectRef(api_version=kind.api_version, kind=kind.kind, name=name) for kind, _, name in kinds]


def open_release_routes(kube: Kube, release: Release) -> None:
    """Make them, or bring them back to what they should be. Raises Refused when a name is somebody else's."""
    for route in routes_of_release(release):
        if whose := foreign(release.app, release.id, kube.get(*identity(route))):
            raise Refused(f"release {release.id} of {release.app} would take over what is not its own: {whose}")
        kube.apply(route)


def close_release_routes(kube: Kube, release: Release) -> list[str]:
    """Take away those that are there, and return which. Nothing that belongs to others is touched."""
    closed = []
    for route in routes_of_release(release):
        kind, namespace, name = identity(route)
        live = kube.get(kind, namespace, name)
        if live is None or owner(live) != (release.app, release.id):
            continue
        kube.delete(kind, namespace, name, uid=live["metadata"]["uid"])
        closed.append(f"{kind.kind} {name}")
    return closed


def asked_beside(release: Release) -> dict[str, str]:
    """Each Service of the preview host that the check path does not lead to → a path that leads there."""
    host, app = preview_host(release), release.spec.app
    rules = [rule for route in routes_of_release(release) for rule in rules_of(app, route) if rule.host == host]
    return other_services(rules, app.route.entry.check_path)
