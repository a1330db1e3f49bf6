"""`bake` in rainbow.yaml: what is watched after a switch, and what counts as a breach."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, field_validator, model_validator

from rainbow.model.addresses import HttpUrl
from rainbow.model.durations import Duration, format_duration
from rainbow.model.part import Part
from rainbow.model.queries import ReleaseQuery


class Breach(Part):
    """One thing that is watched while a release bakes: its query must not exceed the limit."""

    name: str = Field(description="what it is called in messages, for example error rate")
    query: ReleaseQuery = Field(
        description="PromQL for one release, giving one number; anything else is unknown. What it looks back at from "
        "before the switch, as the requests of the tests, counts"
    )
    limit: float | None = Field(default=None, description="more than this is a breach")
    ratio: float | None = Field(
        default=None,
        gt=0,
        description="more than this many times what the release before it showed when it was replaced is a breach; it "
        "is not looked at when there was none, or nobody used it",
    )

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.limit is None and self.ratio is None:
            raise ValueError("expected limit, ratio or both")
        return self


class Bake(Part):
    """The time after a switch in which a breach switches back (B4)."""

    duration: Duration = Field(
        default=timedelta(minutes=10),
        description="from the switch, or from the end of the roll; twice as long at most, while it is not known how "
        "the release does",
    )
    interval: Duration = Field(default=timedelta(seconds=15), description="time between two looks")
    breaches: int = Field(
        default=2, ge=1, le=100, description="breaches in a row that switch back; as many looks without end it well"
    )
    prometheus: HttpUrl | None = Field(default=None, description="base URL; left out, that of drain.prometheus")
    traffic: ReleaseQuery = Field(
        description="PromQL for the requests per second of one release: zero is no traffic, nothing is unknown"
    )
    watch: list[Breach] = Field(min_length=1)

    @field_validator("interval")
    @classmethod
    def _leaves_time_to_others(cls, interval: timedelta) -> timedelta:
        if interval < timedelta(seconds=1):
            raise ValueError(f"found {format_duration(interval)}, expected at least 1s between two looks")
        return interval
