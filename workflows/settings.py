"""What an installation decides once: which images the steps run in, and where builds push to."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from rainbow.model.names import Namespace
from workflows.proxies import Proxy, SecretName


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
    image_pull_secrets: list[SecretName] = Field(
        default_factory=list,
        description="Secrets of the app's namespace that images of steps, tests and migrations are pulled with",
    )
    registry_secret: SecretName | None = Field(
        default=None,
        description="Secret of type kubernetes.io/dockerconfigjson that the build step pulls and pushes images with",
    )
    proxy: Proxy | None = Field(
        default=None, description="the proxy through which builds and steps reach other networks"
    )
    argo_instance_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
        description="instanceID of the workflow controller that is to run the workflows, where it has one",
    )
    argo_ui: str | None = Field(
        default=None, pattern=r"^https?://[^\s]+$", description="address of the Argo UI; records then link to it"
    )
    garbage_schedule: str = Field(default="*/10 * * * *", description="when garbage is collected, as in cron(5)")
    garbage_namespaces: list[Namespace] = Field(
        default_factory=list,
        description="namespaces that the ServiceAccount of the first one collects in; any other is collected by itself",
    )
