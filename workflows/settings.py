"""What an installation decides once: which images the steps run in, and where builds push to."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from rainbow.model.names import Namespace


class Settings(BaseModel):
    """The choices behind `rainbow install`, fixed into the templates that it writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step_image: str = Field(description="image of every step but build; the steps' code is in it")
    builder_image: str = Field(description="image of the build step: the step image with buildah and git")
    registry: str = Field(description="host:port that built images are pushed to and pulled from")
    insecure_registry: bool = Field(default=False, description="the registry speaks plain HTTP")
    build_args: dict[str, str] = Field(default_factory=dict, description="arguments of every build, such as BASE")
    ca_bundle: Path | None = Field(
        default=None, description="file with CA certificates that builds and steps trust, instead of the usual ones"
    )
    garbage_schedule: str = Field(default="*/10 * * * *", description="when garbage is collected, as in cron(5)")
    garbage_namespaces: list[Namespace] = Field(
        default_factory=list,
        description="namespaces that the ServiceAccount of the first one collects in; any other is collected by itself",
    )
