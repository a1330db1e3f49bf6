"""The app as its owner describes it: `rainbow.yaml`, typed.

Everything that a later step needs travels in the record of the release (`Release.spec.app`), so that a change of
the file never changes a release that is already under way.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from rainbow.model.addresses import ImageName, ImageReference
from rainbow.model.baking import Bake
from rainbow.model.checks import Lint
from rainbow.model.clusters import Clusters
from rainbow.model.durations import Duration
from rainbow.model.manifests import Manifests
from rainbow.model.migrations import Migrations
from rainbow.model.names import AppName, Namespace
from rainbow.model.part import Part
from rainbow.model.reporting import Report
from rainbow.model.rolling import Rolling
from rainbow.model.routing import Route
from rainbow.model.staying import Retention, Strategy
from rainbow.model.work import Drain

_EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class ImageBuild(Part):
    """How one of the app's images is built when it is not given."""

    context: str = Field(default=".", description="folder of the build context, relative to rainbow.yaml")
    containerfile: str = Field(default="Containerfile", description="path below the context")
    target: str | None = Field(default=None, description="stage to build, for a Containerfile of several")
    args: dict[str, str] = Field(default_factory=dict, description="build arguments")


class Tests(Part):
    """The integration tests that a release must pass before it may become current (S6)."""

    image: ImageReference = Field(description="a name under `images`, or a full reference")
    command: list[str] | None = Field(default=None, description="instead of the image's own command")
    service: str = Field(description="Service of the base whose URL the tests get as RELEASE_URL")
    env: dict[_EnvName, str] = Field(default_factory=dict)
    timeout: Duration = Field(default=timedelta(minutes=10))


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
    rolling: Rolling | None = None
    route: Route
    tests: Tests | None = None
    breaks: str | None = Field(
        default=None,
        min_length=1,
        max_length=900,
        description="why this release breaks with what the current one promises its clients (its tests); they keep the "
        "route of their own release, so `route.releases` has to be there",
    )
    approval: bool = Field(default=False, description="a person has to approve each release before its switch")
    drain: Drain
    retention: Retention = Retention()
    bake: Bake | None = None
    migrations: Migrations | None = Field(
        default=None, description="how the schema of the app's database changes, and what this release works with"
    )
    report: Report | None = Field(default=None, description="what `rainbow report` draws beside the records")
    lint: Lint = Lint()
    harden: bool = Field(
        default=False, description="what `rainbow lint` can complete by itself is completed in every release"
    )
    clusters: Clusters | None = Field(
        default=None, description="the clusters that a release goes to, when there are several (regions)"
    )

    @model_validator(mode="after")
    def _breaks_with_a_way_out(self) -> Self:
        if self.breaks is not None and "releases" not in self.route.model_fields_set:
            raise ValueError(
                "breaks needs route.releases: clients of the release before have to reach it by a route of its own"
            )
        return self

    @model_validator(mode="after")
    def _rolls_what_can_be_rolled(self) -> Self:
        whole, named = self.strategy is Strategy.ROLLING, set(self.rolled_workloads)
        shrunk = self.drain.shrink.workloads if self.drain.shrink else []
        if self.rolling is not None and whole == bool(named):
            raise ValueError("rolling.workloads is for workloads beside releases: give it, or else strategy: rolling")
        if self.rolls and self.approval:
            raise ValueError("what is rolled reaches users before anybody could approve it: no approval with rolling")
        if whole and self.breaks is not None:
            raise ValueError("nothing is left of the release before once the app is rolled: no breaks with rolling")
        if shared := sorted(set(shrunk) if whole else named & set(shrunk)):
            raise ValueError(f"drain.shrink.workloads: {', '.join(shared)} is rolled, and never drains")
        return self

    @property
    def rolled_workloads(self) -> list[str]:
        """The Deployments that are rolled beside releases; with `strategy: rolling` none, as all of them are."""
        return (self.rolling.workloads if self.rolling else None) or []

    @property
    def rolls(self) -> bool:
        """Whether anything of it is rolled."""
        return self.strategy is Strategy.ROLLING or bool(self.rolled_workloads)

    @property
    def roll_deadline(self) -> timedelta:
        """How long a roll may take."""
        return (self.rolling.deadline if self.rolling else None) or self.ready_timeout
