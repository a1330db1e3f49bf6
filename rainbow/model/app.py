"""The app as its owner describes it: `rainbow.yaml`, typed.

Everything that a later step needs travels in the record of the release (`Release.spec.app`), so that a change of
the file never changes a release that is already under way.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from rainbow.model.addresses import ImageName, ImageReference
from rainbow.model.baking import Bake
from rainbow.model.durations import Duration
from rainbow.model.names import AppName, Namespace
from rainbow.model.part import Part
from rainbow.model.routing import Route
from rainbow.model.staying import Retention, Strategy
from rainbow.model.work import Drain

_EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Manifests(Part):
    """Where the app's objects are described."""

    kustomize: str = Field(description="folder of the kustomize base, relative to rainbow.yaml")


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
    route: Route
    tests: Tests | None = None
    approval: bool = Field(default=False, description="a person has to approve each release before its switch")
    drain: Drain
    retention: Retention = Retention()
    bake: Bake | None = None
