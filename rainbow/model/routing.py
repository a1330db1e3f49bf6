"""`route` in rainbow.yaml: what carries users' traffic, and how a single release is reached besides."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, model_validator

from rainbow.model.addresses import HttpUrl, UrlPath
from rainbow.model.durations import Duration
from rainbow.model.part import Part


class RouteEntry(Part):
    """What every kind of route has: the object that is switched, and how to ask the proxy in front of it."""

    document_kind: ClassVar[str] = "Ingress"  # kind of the object of the base that says which paths lead where

    name: str = Field(description="name of the object; it is part of the base and is never suffixed")
    url: HttpUrl = Field(
        description="where the proxy listens, as seen from pods, for example http://traefik.platform:80",
    )
    check_path: UrlPath = Field(default="/", description="path asked through the proxy; below a path of the route")

    @property
    def document_name(self) -> str:
        """The object of the base that says which paths lead where. No release gets one of its own."""
        return self.name


class IngressRoute(RouteEntry):
    """An Ingress whose backends are pointed at the current release."""

    name: str = Field(description="name of the Ingress; it is part of the base and is never suffixed")


class ServiceRoute(RouteEntry):
    """A Service whose label selector is pointed at the current release, behind an Ingress that never changes (K1)."""

    name: str = Field(
        description="name of the Service; it is part of the base, and the switched one is never suffixed. Each release "
        "has one of its own beside it, for tests and its own routes"
    )
    ingress: str = Field(description="the static Ingress in front of the Service, part of the base and never suffixed")

    @property
    def document_name(self) -> str:
        """The static Ingress."""
        return self.ingress


class HttpRoute(RouteEntry):
    """An HTTPRoute of the Gateway API whose backendRefs are pointed at the current release."""

    document_kind: ClassVar[str] = "HTTPRoute"

    name: str = Field(description="name of the HTTPRoute; it is part of the base and is never suffixed")


class ReleaseRoutes(Part):
    """How one release is reached whichever is current: for tests, previews and sessions that stay (B6, K2).

    All of them lead to the release from before its switch until it is deleted. $release, $app and $namespace are
    filled in.
    """

    host: str = Field(
        default="$release.$app.$namespace.preview.internal",
        pattern=r"^[a-z0-9.$-]*\$release[a-z0-9.$-]*$",
        description="host name that leads to the release, for example $release.shop.example",
    )
    path: str | None = Field(
        default=None,
        pattern=r"^/[A-Za-z0-9._~/$-]*\$release[A-Za-z0-9._~/$-]*$",
        description="prefix on the route's own hosts that leads to the release, for example /releases/$release. An "
        "HTTPRoute takes it off before the app sees the path; an Ingress cannot, so the app sees the whole path",
    )
    header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]+$",
        description="request header whose value, a release id, leads to that release; for an HTTPRoute only",
    )


class Route(Part):
    """What carries users' traffic. Exactly one of `ingress`, `service` and `httpRoute`."""

    ingress: IngressRoute | None = None
    service: ServiceRoute | None = None
    http_route: HttpRoute | None = None
    releases: ReleaseRoutes = ReleaseRoutes()
    release_header: str = Field(
        default="X-Release", description="response header in which the app names the release that answers"
    )
    timeout: Duration = Field(
        default=timedelta(seconds=60), description="how long the proxy may take to answer from the new release"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in ("ingress", "service", "http_route") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("expected exactly one of ingress, service and httpRoute")
        if self.releases.header is not None and self.http_route is None:
            raise ValueError("releases.header needs an httpRoute: an Ingress cannot look at headers; use host or path")
        return self

    @property
    def key(self) -> str:
        """The key of the one that is given, as it is written in rainbow.yaml."""
        return "ingress" if self.ingress else "service" if self.service else "httpRoute"

    @property
    def entry(self) -> RouteEntry:
        """The one that is given, whichever kind it is."""
        found = self.ingress or self.service or self.http_route
        assert found is not None  # noqa: S101 - validated above
        return found
