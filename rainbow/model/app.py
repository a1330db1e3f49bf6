"""The app as its owner describes it: `rainbow.yaml`, typed.

Everything that a later step needs travels in the record of the release (`Release.spec.app`), so that a change of
the file never changes a release that is already under way.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

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


class IngressRoute(Part):
    """An Ingress whose backend is pointed at the current release."""

    name: str = Field(description="name of the Ingress; it is part of the base and is never suffixed")
    url: HttpUrl = Field(
        description="where the proxy listens, as seen from pods, for example http://traefik.platform:80",
    )
    check_path: UrlPath = Field(default="/", description="path asked through the proxy; below a path of the Ingress")


class Route(Part):
    """What carries users' traffic."""

    ingress: IngressRoute
    release_header: str = Field(
        default="X-Release", description="response header in which the app names the release that answers"
    )
    timeout: Duration = Field(
        default=timedelta(seconds=60), description="how long the proxy may take to answer from the new release"
    )


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


class Drain(Part):
    """How it is known that a release has no work left."""

    prometheus: PrometheusDrain


class Retention(Part):
    """How long releases stay."""

    minimum_age: Duration = Field(
        default=timedelta(hours=1),
        description="a release stays at least this long after it stopped being current, whatever the metric says",
    )
    failed_age: Duration = Field(
        default=timedelta(hours=1),
        description="a failed release stays this long, to be looked at and retried; so does one that never became "
        "current and that no workflow of the namespace is at work on any more",
    )


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
    route: Route
    tests: Tests | None = None
    drain: Drain
    retention: Retention = Retention()
