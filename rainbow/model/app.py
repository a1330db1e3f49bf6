"""The app as its owner describes it: `rainbow.yaml`, typed.

Everything that a later step needs travels in the record of the release (`Release.spec.app`), so that a change of
the file never changes a release that is already under way.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from rainbow.model.addresses import HttpUrl, ImageName, ImageReference, UrlPath
from rainbow.model.durations import Duration, format_duration
from rainbow.model.names import AppName, Namespace
from rainbow.model.queries import ReleaseQuery

_EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Part(BaseModel):
    """What all parts of rainbow.yaml share: frozen, camelCase outside, unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        alias_generator=lambda name: "".join(
            word if i == 0 else word.capitalize() for i, word in enumerate(name.split("_"))
        ),
    )


class Manifests(Part):
    """Where the app's objects are described."""

    kustomize: str = Field(description="folder of the kustomize base, relative to rainbow.yaml")


class ImageBuild(Part):
    """How one of the app's images is built when it is not given."""

    context: str = Field(default=".", description="folder of the build context, relative to rainbow.yaml")
    containerfile: str = Field(default="Containerfile", description="path below the context")
    target: str | None = Field(default=None, description="stage to build, for a Containerfile of several")
    args: dict[str, str] = Field(default_factory=dict, description="build arguments")


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


class Tests(Part):
    """The integration tests that a release must pass before it may become current (S6)."""

    image: ImageReference = Field(description="a name under `images`, or a full reference")
    command: list[str] | None = Field(default=None, description="instead of the image's own command")
    service: str = Field(description="Service of the base whose URL the tests get as RELEASE_URL")
    env: dict[_EnvName, str] = Field(default_factory=dict)
    timeout: Duration = Field(default=timedelta(minutes=10))


class PrometheusDrain(Part):
    """The metric that says whether a release still has work (S8)."""

    url: HttpUrl = Field(description="base URL of Prometheus, as seen from pods")
    query: ReleaseQuery = Field(
        description="PromQL for the active tasks of one release; $namespace, $app and $release are filled in; "
        "it has to give exactly one series"
    )
    reporting: ReleaseQuery | None = Field(
        default=None,
        description="PromQL for how many pods of the release export the metric, for example "
        'count(tasks{release="$release"}); anything but the number of its running pods (of those in workloads, when '
        "given) makes the tasks unknown: a pod that is scraped, but exports nothing, would count as idle",
    )
    interval: Duration = Field(default=timedelta(seconds=15), description="time between two samples")
    samples: int = Field(default=3, ge=2, le=100, description="zero samples in a row that are needed")
    max_age: Duration = Field(
        default=timedelta(seconds=60),
        validate_default=True,
        description="an older sample counts as missing, not as zero",
    )
    workloads: list[str] | None = Field(
        default=None,
        description="workloads of the base whose running pods must all be scraped; all of them when left out",
    )

    @field_validator("interval")
    @classmethod
    def _leaves_time_to_others(cls, interval: timedelta) -> timedelta:
        if interval < timedelta(seconds=1):
            raise ValueError(f"found {format_duration(interval)}, expected at least 1s between two samples")
        return interval

    @field_validator("max_age")
    @classmethod
    def _outlasts_the_interval(cls, max_age: timedelta, info: ValidationInfo) -> timedelta:
        interval = info.data.get("interval", max_age)
        if max_age < interval:
            raise ValueError(
                f"found {format_duration(max_age)}, expected at least the interval, {format_duration(interval)}: "
                "else every sample is too old before the next"
            )
        return max_age


class JetStreamDrain(Part):
    """The release's consumers on the bus: nothing pending, nothing unacknowledged (B10)."""

    url: str = Field(pattern=r"^(nats|tls)://[^@]+$", description="address of NATS, as seen from pods, without secrets")
    stream: str = Field(description="stream whose consumers are looked at; $namespace, $app and $release are filled in")
    consumers: str = Field(
        default="*",
        description="names of the release's consumers, with * for any text; filled in like the stream. No other app "
        "may name its consumers like this: those of no release of this app are removed as left behind",
    )
    subjects: list[str] = Field(
        default_factory=list,
        description="subjects of the release alone, purged from the stream with the release; $release is filled in",
    )

    @model_validator(mode="after")
    def _of_one_release(self) -> Self:
        if "$release" not in self.stream + self.consumers:
            raise ValueError(
                f"found consumers {self.consumers!r} of stream {self.stream!r}, expected $release in one of them: else "
                "every release counts the work of all"
            )
        if whole := [subject for subject in self.subjects if "$release" not in subject]:
            raise ValueError(f"found subject {whole[0]!r}, expected $release in it: it is purged with one release")
        return self


class Shrink(Part):
    """A draining release gives up its idle pods (B8)."""

    query: ReleaseQuery = Field(
        description="PromQL for the active tasks of each pod of one release, by the label `pod`; "
        "a pod without a fresh sample counts as busy"
    )
    workloads: list[str] = Field(description="Deployments of the base that may shrink")
    minimum: int = Field(default=1, ge=0, description="pods of each that stay until the release is deleted")


class Drain(Part):
    """How it is known that a release has no work left. All that is given has to say so."""

    prometheus: PrometheusDrain
    jetstream: JetStreamDrain | None = None
    shrink: Shrink | None = None


class OverdueAct(StrEnum):
    """What becomes of a release that drains for longer than `maximumDrainAge`."""

    KEEP = "keep"
    DELETE = "delete"


class Retention(Part):
    """How long releases stay (B7)."""

    minimum_age: Duration = Field(
        default=timedelta(hours=1),
        description="a release stays at least this long after it stopped being current, whatever the metric says",
    )
    keep: int = Field(
        default=0,
        ge=0,
        le=100,
        description="how many releases that were current before stay, drained, to be rolled back to; the newest ones",
    )
    failed_age: Duration = Field(
        default=timedelta(hours=1),
        description="a failed release stays this long, to be looked at and retried; so does one that never became "
        "current and that no workflow of the namespace is at work on any more",
    )
    maximum_drain_age: Duration | None = Field(
        default=None, description="a release that drains for longer is overdue; never when left out"
    )
    overdue: OverdueAct = Field(
        default=OverdueAct.KEEP,
        description="`keep`: an overdue release stays and says so; `delete`: it is deleted with the work it has left",
    )
    history: int = Field(default=50, ge=1, le=1000, description="records kept of releases that are deleted")

    @model_validator(mode="after")
    def _maximum_after_minimum(self) -> Self:
        maximum = self.maximum_drain_age
        if maximum is not None and maximum <= self.minimum_age:
            raise ValueError(
                f"maximumDrainAge {format_duration(maximum)} is not above minimumAge "
                f"{format_duration(self.minimum_age)}"
            )
        return self


class Breach(Part):
    """One thing that is watched while a release bakes: its query must not exceed the limit."""

    name: str = Field(description="what it is called in messages, for example error rate")
    query: ReleaseQuery = Field(
        description="PromQL for one release, giving one number; anything else is unknown. What it looks back at from "
        "before the switch, as the requests of the tests, counts"
    )
    limit: float | None = Field(default=None, description="more than this is a breach")
    ratio: float | None = Field(
        default=None,
        gt=0,
        description="more than this many times what the release before it showed when it was replaced is a breach; it "
        "is not looked at when there was none, or nobody used it",
    )

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.limit is None and self.ratio is None:
            raise ValueError("expected limit, ratio or both")
        return self


class Bake(Part):
    """The time after a switch in which a breach switches back (B4)."""

    duration: Duration = Field(
        default=timedelta(minutes=10),
        description="from the switch; twice as long at most, while it is not known how the release does",
    )
    interval: Duration = Field(default=timedelta(seconds=15), description="time between two looks")
    breaches: int = Field(
        default=2, ge=1, le=100, description="breaches in a row that switch back; as many looks without end it well"
    )
    prometheus: HttpUrl | None = Field(default=None, description="base URL; left out, that of drain.prometheus")
    traffic: ReleaseQuery = Field(
        description="PromQL for the requests per second of one release: zero is no traffic, nothing is unknown"
    )
    watch: list[Breach] = Field(min_length=1)

    @field_validator("interval")
    @classmethod
    def _leaves_time_to_others(cls, interval: timedelta) -> timedelta:
        if interval < timedelta(seconds=1):
            raise ValueError(f"found {format_duration(interval)}, expected at least 1s between two looks")
        return interval


class Strategy(StrEnum):
    """How many releases may be there at once."""

    RAINBOW = "rainbow"  # any number
    BLUE_GREEN = "blue-green"  # the current one and one other (F1)


class AppConfig(Part):
    """rainbow.yaml."""

    app: AppName
    namespace: Namespace
    manifests: Manifests
    images: dict[ImageName, ImageBuild] = Field(
        default_factory=dict, description="image name in the manifests → how to build it"
    )
    release_env: _EnvName = Field(
        default="RELEASE_ID", description="environment variable that tells every container its release"
    )
    ready_timeout: Duration = Field(
        default=timedelta(minutes=5), description="how long the new release may take to become ready"
    )
    strategy: Strategy = Strategy.RAINBOW
    route: Route
    tests: Tests | None = None
    approval: bool = Field(default=False, description="a person has to approve each release before its switch")
    drain: Drain
    retention: Retention = Retention()
    bake: Bake | None = None
