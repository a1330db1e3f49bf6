"""`manifests` in rainbow.yaml: where the app's objects are described, in a kustomize base or in a Helm chart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from rainbow.model.addresses import HttpUrl
from rainbow.model.part import Part


def _without_credentials(value: str) -> str:
    # Behind the host an @ is the one of a digest.
    if "://" in value and "@" in urlsplit(value).netloc:
        raise ValueError(
            "expected a chart without user and password in its address: they would be readable in the record of every "
            "release; log in to the registry instead (helm registry login)"
        )
    return value


def _for_helm(value: dict[str, Any]) -> dict[str, Any]:
    if misfits := sorted(_misfits(value, "")):
        raise ValueError(f"expected texts, numbers, true, false and null; put into quotes: {', '.join(misfits)}")
    return value


def _misfits(value: Any, at: str) -> Iterator[str]:
    """Paths of what JSON, in which helm is told, has no word for: dates, bytes, what is no number."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _misfits(item, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _misfits(item, f"{at}[{number}]")
    elif not isinstance(value, str | int | float | None) or (isinstance(value, float) and not math.isfinite(value)):
        yield at


_Chart = Annotated[str, Field(min_length=1, pattern=r"^[^-\s]\S*$"), AfterValidator(_without_credentials)]
# Names of roles may hold more than those of most objects (Kubernetes, "Path Segment Names").
_Object = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*/[^\s/%]+$")]
_Value = Annotated[str, Field(pattern=r"^[^-\s]\S*$")]


class HelmChart(Part):
    """A chart and its values. The command line renders it with the helm of its user, before anything is released."""

    chart: _Chart = Field(
        description="folder of the chart or a packaged one (.tgz), relative to rainbow.yaml; or oci://…, REPO/NAME of "
        "`helm repo add`, or a name in `repo`"
    )
    repo: HttpUrl | None = Field(default=None, description="address of the chart repository, for a chart by its name")
    version: _Value | None = Field(default=None, description="of a chart from a registry or a repository")
    plain_http: bool = Field(default=False, description="the registry of an oci:// chart speaks HTTP without TLS")
    values: list[str] = Field(
        default_factory=list, description="files of values, relative to rainbow.yaml; a later one wins"
    )
    set: Annotated[dict[str, Any], AfterValidator(_for_helm)] = Field(
        default_factory=dict,
        description="single values over those of the files, by their path (image.tag); readable in the record of every "
        "release, so no secrets",
    )
    release_name: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        max_length=53,  # Helm's own limit
        description="what the chart sees as .Release.Name; left out, the name of the app",
    )
    kube_version: _Value | None = Field(default=None, description="what the chart sees as .Capabilities.KubeVersion")
    api_versions: list[_Value] = Field(
        default_factory=list,
        description="what the chart finds in .Capabilities.APIVersions besides what helm knows, for example "
        "gateway.networking.k8s.io/v1",
    )
    leave_out: list[_Object] = Field(
        default_factory=list,
        description="Kind/name of what the chart makes and a release cannot have (Secrets, Roles, hooks): apply it "
        "once, beside the releases",
    )


class Manifests(Part):
    """Where the app's objects are described. Exactly one of `kustomize` and `helm`."""

    kustomize: str | None = Field(default=None, description="folder of the kustomize base, relative to rainbow.yaml")
    helm: HelmChart | None = Field(default=None, description="a Helm chart instead")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.kustomize is None) == (self.helm is None):
            raise ValueError("expected exactly one of kustomize (folder of a base) and helm (a chart)")
        return self

    @property
    def key(self) -> str:
        """The key of the one that is given."""
        return "kustomize" if self.helm is None else "helm"
