"""`lint` in rainbow.yaml: what the manifests are checked against, and which findings the owner of the app accepts."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from rainbow.model.durations import Duration
from rainbow.model.part import Part


class Ignore(Part):
    """Findings of one rule that are accepted, and why."""

    rule: str = Field(description="name of the rule, for example grace-period")
    object: str | None = Field(
        default=None,
        pattern=r"^([A-Za-z]+ \S+|rainbow\.yaml)$",
        description="only those about this object of the base, for example Deployment worker; or about rainbow.yaml",
    )
    why: str = Field(min_length=1, max_length=1000, description="why it is right as it is, for whoever reads it next")


class Lint(Part):
    """What `rainbow lint` and the first step of every release go by (C4)."""

    longest_request: Duration = Field(
        default=timedelta(seconds=30),
        description="how long a request may take: a pod that is told to end needs that long to answer its last one",
    )
    ignore: list[Ignore] = Field(default_factory=list, description="findings that are accepted")
