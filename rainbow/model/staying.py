"""`retention` and `strategy` in rainbow.yaml: how long releases stay, and how many there may be."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from rainbow.model.durations import Duration, format_duration
from rainbow.model.part import Part


class OverdueAct(StrEnum):
    """What becomes of a release that drains for longer than `maximumDrainAge`."""

    KEEP = "keep"
    DELETE = "delete"


class Retention(Part):
    """How long releases stay (B7)."""

    minimum_age: Duration = Field(
        default=timedelta(hours=1),
        description="a release stays at least this long after it stopped being current, whatever the metric says",
    )
    keep: int = Field(
        default=0,
        ge=0,
        le=100,
        description="how many releases that were current before stay, drained, to be rolled back to; the newest ones",
    )
    failed_age: Duration = Field(
        default=timedelta(hours=1),
        description="a failed release stays this long, to be looked at and retried; so does one that never became "
        "current and that no workflow of the namespace is at work on any more",
    )
    maximum_drain_age: Duration | None = Field(
        default=None, description="a release that drains for longer is overdue; never when left out"
    )
    overdue: OverdueAct = Field(
        default=OverdueAct.KEEP,
        description="`keep`: an overdue release stays and says so; `delete`: it is deleted with the work it has left",
    )
    history: int = Field(default=50, ge=1, le=1000, description="records kept of releases that are deleted")

    @model_validator(mode="after")
    def _maximum_after_minimum(self) -> Self:
        maximum = self.maximum_drain_age
        if maximum is not None and maximum <= self.minimum_age:
            raise ValueError(
                f"maximumDrainAge {format_duration(maximum)} is not above minimumAge "
                f"{format_duration(self.minimum_age)}"
            )
        return self


class Strategy(StrEnum):
    """How many releases may be there at once."""

    RAINBOW = "rainbow"  # any number
    BLUE_GREEN = "blue-green"  # the current one and one other (F1)
    ROLLING = "rolling"  # one: each is rolled over the one before, in place (F2)
