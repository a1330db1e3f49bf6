"""What was seen of a cluster and of a namespace in it, as plain data. None: it could not be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Controller:
    """A workflow controller of Argo. `version` as its image or labels say; `watches` None: every namespace.

    `instance_id` None: it has none; empty: its settings could not be read.
    """

    namespace: str
    name: str
    version: str | None = None
    watches: str | None = None
    instance_id: str | None = None
    ready: bool = True


@dataclass(frozen=True)
class Asked:
    """What it is to be good for: the namespace, and what the settings and rainbow.yaml say, where they were given.

    `secrets`: the names of Secrets → what they are for.
    """

    namespace: str
    instance_id: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    builds: bool = True
    route: str | None = None  # ingress, service or httpRoute
    prometheus: str | None = None


@dataclass(frozen=True)
class Surroundings:
    """One look. `served`: API version → kinds, of the groups that matter.

    `exists`: the namespace is there; `labels`: its own; `secrets`: which of those asked for are there; `prometheus`:
    why it did not answer, empty when it did; `prometheus_missing`: that is so for pods as well; `allowed`: right →
    whether one has it; `refused`: what of ours may not be written.
    """

    version: str | None = None
    served: Mapping[str, frozenset[str]] = field(default_factory=dict)
    controllers: tuple[Controller, ...] | None = None
    ingress_classes: tuple[str, ...] | None = None
    gateway_classes: tuple[str, ...] | None = None
    exists: bool | None = None
    labels: Mapping[str, str] | None = None
    secrets: Mapping[str, bool | None] = field(default_factory=dict)
    prometheus: str | None = None
    prometheus_missing: bool = False
    allowed: Mapping[str, bool | None] = field(default_factory=dict)
    refused: tuple[str, ...] | None = None

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the API server has this kind."""
        return kind in self.served.get(api_version, frozenset())
