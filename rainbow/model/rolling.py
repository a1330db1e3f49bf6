"""`rolling` in rainbow.yaml: workloads that are updated in place, pod by pod, instead of once per release (F2)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from rainbow.model.durations import Duration
from rainbow.model.part import Part


class Mode(StrEnum):
    """Which pods go first while a Deployment is updated: the three settings that are of use."""

    SURGE = "surge"  # a new pod is ready before an old one goes
    UNAVAILABLE = "unavailable"  # an old pod goes before a new one comes: never more pods than there were
    BOTH = "both"  # a quarter more, and a quarter fewer


class Rolling(Part):
    """How workloads are rolled, and which: all of them with `strategy: rolling`, else those that are named here."""

    mode: Mode = Mode.SURGE
    deadline: Duration | None = Field(
        default=None,
        description="how long a roll may take before it is undone by itself; left out, readyTimeout",
    )
    workloads: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Deployments of the base that need no release of their own, beside others that have one",
    )
