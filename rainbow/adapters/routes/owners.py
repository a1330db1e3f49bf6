"""Which release a Service belongs to, by its labels: what a route leads to is known by the Services that it names."""

from __future__ import annotations

from collections.abc import Iterable

from rainbow.adapters.kube import SERVICE, Kube, Object
from rainbow.errors import PermanentError
from rainbow.model.app import AppConfig
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.release import Release


class ServiceGone(PermanentError):
    """A route leads to a Service that is not there, so that nobody can tell by its labels whose it is."""

    def __init__(self, app: AppConfig, services: str) -> None:
        super().__init__(
            f"there is no Service {app.namespace}/{services}, which route {app.route.entry.name} has to lead to: "
            "which release is current cannot be known. Deploy the release again, or mend the route"
        )


def owner(obj: Object) -> tuple[str | None, str | None]:
    """The app and the release that an object belongs to, by its labels."""
    labels = obj["metadata"].get("labels") or {}
    return labels.get(APP_LABEL), labels.get(RELEASE_LABEL)


def release_of(kube: Kube, app: AppConfig, service: str) -> str | None:
    """The release of the app that a Service belongs to, None for one of others. Raises when there is no Service."""
    obj = kube.get(SERVICE, app.namespace, service)
    if obj is None:
        raise ServiceGone(app, service)
    of_app, release = owner(obj)
    return release if of_app == app.app else None


def belongs(kube: Kube, app: AppConfig, service: str, release: str | None) -> bool:
    """Whether the Service is there and is of this release of the app."""
    obj = kube.get(SERVICE, app.namespace, service)
    return obj is not None and release is not None and owner(obj) == (app.app, release)


def only_release(route: str, app: AppConfig, owners: dict[str, str | None]) -> str | None:
    """The one release among the owners of the Services that a route leads to; raises PermanentError when mixed."""
    releases = sorted({release for release in owners.values() if release is not None})
    if len(releases) > 1:
        raise PermanentError(
            f"{route} points at several releases of {app.app}: {', '.join(releases)} "
            f"(backends {', '.join(sorted(owners))}); point all of them at one release"
        )
    return releases[0] if releases else None


def check_services(kube: Kube, target: Release, bases: Iterable[str]) -> None:
    """Raises PermanentError unless the release's Service for each of the base is there and is its own."""
    for base in sorted(bases):
        name = target.named(base)
        found = release_of(kube, target.spec.app, name)
        if found != target.id:
            raise PermanentError(
                f"Service {target.namespace}/{name} does not belong to release {target.id} of {target.app} "
                f"(its label {RELEASE_LABEL} says {found}); deploy the release again"
            )
