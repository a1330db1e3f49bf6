"""`clusters` in rainbow.yaml: the regions that every release goes to, in which order, and where each of them differs.

A region is a cluster, or a namespace of one, with everything that a release needs: nothing is shared but the images.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from rainbow.model.names import ClusterName
from rainbow.model.part import Part

# The same everywhere, or it would be another release; what a release is made of is built once.
_SHARED = ("app", "clusters", "images")


class OnFailure(StrEnum):
    """What becomes of the clusters that a release has reached before it fails in another one."""

    ROLLBACK = "rollback"
    LEAVE = "leave"


class Cluster(Part):
    """How one cluster is reached, and what is different there."""

    context: str | None = Field(
        default=None, min_length=1, description="context of the kubeconfig; left out, it is called like the cluster"
    )
    overrides: dict[str, Any] = Field(
        default_factory=dict,
        description="keys of rainbow.yaml as they are in this cluster, for example namespace, manifests.kustomize or "
        "drain.prometheus.url; what is not named stays as it is, and null takes a key away",
    )

    @model_validator(mode="after")
    def _one_release(self) -> Self:
        if shared := [key for key in _SHARED if key in self.overrides]:
            raise ValueError(f"overrides: {', '.join(shared)} cannot be different in a cluster")
        return self


class Clusters(Part):
    """Several clusters that the same release goes to, wave after wave (K4)."""

    waves: list[Annotated[list[ClusterName], Field(min_length=1)]] = Field(
        min_length=1,
        description="clusters that are released to together, wave after wave: one begins when the release is current "
        "in every cluster of the wave before it, and has baked there where `bake` is given",
    )
    on_failure: OnFailure = Field(
        default=OnFailure.ROLLBACK,
        description="when the release fails in one cluster, those that it is current in go back to the release before "
        "(rollback), or keep it (leave); no further cluster is begun in either case",
    )
    each: dict[ClusterName, Cluster] = Field(
        default_factory=dict, description="cluster → how it is reached and what is different there"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = self.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"waves: {', '.join(twice)} is named twice; a release goes to a cluster once")
        if unknown := [name for name in self.each if name not in names]:
            raise ValueError(f"each: {', '.join(unknown)} is in no wave; the waves have: {', '.join(names)}")
        return self

    @property
    def names(self) -> list[str]:
        """All clusters in the order of the waves. The first one builds what is not given."""
        return [name for wave in self.waves for name in wave]

    def of(self, name: str) -> Cluster:
        """The cluster of that name, which has to be in one of the waves."""
        return self.each.get(name) or Cluster()

    def context(self, name: str) -> str:
        """The context of the kubeconfig that leads to it."""
        return self.of(name).context or name


def merged(described: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The keys and values with others over them, as in a JSON merge patch (RFC 7396)."""
    result = dict(described)
    for key, value in overrides.items():
        before = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[key] = value
    return result
