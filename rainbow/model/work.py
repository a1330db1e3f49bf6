"""`drain` in rainbow.yaml: how it is known that a release has no work left, and what goes before that."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from rainbow.model.addresses import HttpUrl
from rainbow.model.durations import Duration, format_duration
from rainbow.model.part import Part
from rainbow.model.queries import ReleaseQuery


class PrometheusDrain(Part):
    """The metric that says whether a release still has work (S8)."""

    url: HttpUrl = Field(description="base URL of Prometheus, as seen from pods")
    query: ReleaseQuery = Field(
        description="PromQL for the active tasks of one release; $namespace, $app and $release are filled in; "
        "it has to give exactly one series"
    )
    reporting: ReleaseQuery | None = Field(
        default=None,
        description="PromQL for how many pods of the release export the metric, for example "
        'count(tasks{release="$release"}); anything but the number of its running pods (of those in workloads, when '
        "given) makes the tasks unknown: a pod that is scraped, but exports nothing, would count as idle",
    )
    interval: Duration = Field(default=timedelta(seconds=15), description="time between two samples")
    samples: int = Field(default=3, ge=2, le=100, description="zero samples in a row that are needed")
    max_age: Duration = Field(
        default=timedelta(seconds=60),
        validate_default=True,
        description="an older sample counts as missing, not as zero",
    )
    workloads: list[str] | None = Field(
        default=None,
        description="workloads of the base whose running pods must all be scraped; all of them when left out",
    )

    @field_validator("interval")
    @classmethod
    def _leaves_time_to_others(cls, interval: timedelta) -> timedelta:
        if interval < timedelta(seconds=1):
            raise ValueError(f"found {format_duration(interval)}, expected at least 1s between two samples")
        return interval

    @field_validator("max_age")
    @classmethod
    def _outlasts_the_interval(cls, max_age: timedelta, info: ValidationInfo) -> timedelta:
        interval = info.data.get("interval", max_age)
        if max_age < interval:
            raise ValueError(
                f"found {format_duration(max_age)}, expected at least the interval, {format_duration(interval)}: "
                "else every sample is too old before the next"
            )
        return max_age


class JetStreamDrain(Part):
    """The release's consumers on the bus: nothing pending, nothing unacknowledged (B10)."""

    url: str = Field(pattern=r"^(nats|tls)://[^@]+$", description="address of NATS, as seen from pods, without secrets")
    stream: str = Field(description="stream whose consumers are looked at; $namespace, $app and $release are filled in")
    consumers: str = Field(
        default="*",
        description="names of the release's consumers, with * for any text; filled in like the stream. No other app "
        "may name its consumers like this: those of no release of this app are removed as left behind",
    )
    subjects: list[str] = Field(
        default_factory=list,
        description="subjects of the release alone, purged from the stream with the release; $release is filled in",
    )

    @model_validator(mode="after")
    def _of_one_release(self) -> Self:
        if "$release" not in self.stream + self.consumers:
            raise ValueError(
                f"found consumers {self.consumers!r} of stream {self.stream!r}, expected $release in one of them: else "
                "every release counts the work of all"
            )
        if whole := [subject for subject in self.subjects if "$release" not in subject]:
            raise ValueError(f"found subject {whole[0]!r}, expected $release in it: it is purged with one release")
        return self


class Shrink(Part):
    """A draining release gives up its idle pods (B8)."""

    query: ReleaseQuery = Field(
        description="PromQL for the active tasks of each pod of one release, by the label `pod`; "
        "a pod without a fresh sample counts as busy"
    )
    workloads: list[str] = Field(description="Deployments of the base that may shrink")
    minimum: int = Field(
        default=1, ge=0, description="pods of each that stay until the release is deleted; one always does"
    )


class Drain(Part):
    """How it is known that a release has no work left. All that is given has to say so."""

    prometheus: PrometheusDrain
    jetstream: JetStreamDrain | None = None
    shrink: Shrink | None = None
