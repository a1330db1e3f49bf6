"""The record of a release: the custom resource `Release`, typed.

`spec` is written once and is enough to deploy the release again. `status` is a note for people and for later steps;
what is current is always read from the route, never from here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, PlainSerializer

from rainbow.model.app import AppConfig
from rainbow.model.migrations import SchemaVersion, Stage
from rainbow.model.names import (
    GROUP,
    RELEASED_BY,
    WORKFLOW_NAME,
    WORKFLOW_URL,
    ReleaseId,
    object_name,
    record_name,
    release_labels,
)
from rainbow.model.part import Part
from rainbow.model.staying import Strategy

API_VERSION = f"{GROUP}/v1alpha1"
KIND = "Release"
PLURAL = "releases"


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, since switches are shorter than a second."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(format_time, return_type=str)]


class Phase(StrEnum):
    """The phases of design.md."""

    PENDING = "Pending"
    TESTING = "Testing"
    READY = "Ready"
    CURRENT = "Current"
    DRAINING = "Draining"
    DRAINED = "Drained"
    DELETED = "Deleted"
    FAILED = "Failed"


class GitSource(Part):
    """Sources in a git repository. `commit` is a full hash: a branch would build something else tomorrow."""

    url: str
    commit: str = Field(pattern=r"^[0-9a-f]{40}$")
    path: str = Field(default=".", description="folder of rainbow.yaml below the root of the repository")


class ArchiveSource(Part):
    """Sources packed by the command line: a gzipped tar, cut into ConfigMaps."""

    config_maps: list[str] = Field(description="names, in order; binaryData key `chunk`")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the whole archive")


class Source(Part):
    """Where images are built from. Exactly one is given, or none when every image is given."""

    git: GitSource | None = None
    archive: ArchiveSource | None = None


class ObjectRef(Part):
    """One object that belongs to a release."""

    api_version: str
    kind: str
    name: str


class Mark(Part):
    """What a person, or a step on its own, decided about a release or an app: why, by whom, and when."""

    reason: str = Field(max_length=1000)
    by: str = Field(max_length=200)
    at: Time


class Promise(StrEnum):
    """What became of the promises that a release inherits: the tests of the release that is current (C5)."""

    KEPT = "kept"
    BROKEN = "broken"
    WAIVED = "waived"  # it breaks with the past on purpose
    UNKNOWN = "unknown"  # those tests could not be run


class Compatibility(Part):
    """What `check-compatibility` found. `release` is the one that was current; None when none was."""

    release: ReleaseId | None = None
    promise: Promise
    reason: str = Field(max_length=1000)


class SchemaNote(Part):
    """What this release knew last of the schema of the database; of all releases the newest note counts.

    `under_way`: a stage that was begun, towards version `to`, and whose end was not noted yet.
    """

    version: SchemaVersion
    backfilled: bool = False
    at: Time
    under_way: Stage | None = None
    to: SchemaVersion | None = None
    contracted: bool = Field(default=False, description="some old structure is gone, or may be")
    waits: str | None = Field(default=None, max_length=1000, description="why its contract has to wait")


class Condition(Part):
    """As Kubernetes has it (API conventions, "Typical status properties"). `status` is True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str = ""
    last_transition_time: Time


class ReleaseSpec(Part):
    """What the release is. Immutable."""

    release: ReleaseId
    app: AppConfig
    manifests: str = Field(description="the rendered base: YAML documents without anything of the release in it")
    images: dict[str, str] = Field(default_factory=dict, description="image name → reference given by the user")
    source: Source | None = None
    adopted: bool = Field(default=False, description="it ran before it was a release: its objects have plain names")


class ReleaseStatus(Part):
    """What is known about the release. All of it may be missing."""

    phase: Phase = Phase.PENDING
    message: str | None = None
    images: dict[str, str] = Field(default_factory=dict, description="image name → reference with digest")
    objects: list[ObjectRef] = Field(default_factory=list, description="what deploy applied")
    deployed_at: Time | None = None
    tested_at: Time | None = None
    live_at: Time | None = None
    demoted_at: Time | None = Field(default=None, description="when it stopped being current")
    drained_at: Time | None = None
    overdue_at: Time | None = Field(default=None, description="when its draining is overdue, by retention")
    deleted_at: Time | None = None
    failed_at: Time | None = None
    tasks: str | None = Field(default=None, description="active tasks at the last look, or `unknown`")
    blocker: str | None = Field(default=None, description="why it is kept")
    traffic: str | None = Field(default=None, description="`100%` for the current release, else `-`")
    sealed_at: Time | None = Field(default=None, description="since when no new work can reach it; not set while open")
    baked_at: Time | None = Field(default=None, description="when it had been current long enough without a breach")
    redeployed_at: Time | None = Field(default=None, description="when it was taken up again after its deletion (S11)")
    redeployed_run: str | None = Field(default=None, description="uid of the workflow that took it up; none by hand")
    hold: Mark | None = Field(default=None, description="an operator wants it kept")
    rejected: Mark | None = Field(default=None, description="it was rolled back from: only a person promotes it again")
    compatibility: Compatibility | None = Field(default=None, description="whether it keeps what another promised")
    schema_state: SchemaNote | None = Field(default=None, description="the database, as this release left or found it")
    conditions: list[Condition] = Field(default_factory=list, description="derived from the fields above")


class Release(Part):
    """A release as read from the cluster."""

    namespace: str
    uid: str
    resource_version: str
    created: Time
    by: str | None = None  # who released it
    workflow: str | None = None  # the name of the workflow that releases it, or released it last
    workflow_url: str | None = None  # where that is seen in the Argo UI
    noted_at: Time | None = None  # the last change of the status, by the API server's clock
    spec: ReleaseSpec
    status: ReleaseStatus

    @property
    def app(self) -> str:
        """The name of the app."""
        return self.spec.app.app

    @property
    def id(self) -> str:
        """The release id."""
        return self.spec.release

    @property
    def name(self) -> str:
        """The name of the resource."""
        return record_name(self.app, self.id)

    @property
    def since(self) -> datetime:
        """Since when it wants to become current: later is newer. A redeployed release counts as a new one (S11)."""
        return self.status.redeployed_at or self.created

    @property
    def as_adopted(self) -> bool:
        """Whether it is still what ran before it was a release (S13); deployed again it is one like all others."""
        return self.spec.adopted and self.status.redeployed_at is None

    @property
    def rolled(self) -> bool:
        """Whether the objects of its base are updated in place: they are those of the release before, and the next."""
        return self.spec.app.strategy is Strategy.ROLLING

    def named(self, base: str) -> str:
        """The name that an object of the app's base has in this release."""
        return base if self.as_adopted or self.rolled else object_name(base, self.id)

    def image(self, name: str) -> str:
        """What to run for an image name: what was built, else what was given, else the name itself."""
        return self.status.images.get(name) or self.spec.images.get(name) or name

    @classmethod
    def from_object(cls, obj: dict[str, Any]) -> Self:
        """From the resource as the API server gives it. Raises pydantic.ValidationError for a malformed one.

        Keys that are not known are left out: a later version may have written them.
        """
        meta = obj["metadata"]
        annotations = meta.get("annotations") or {}
        return cls(
            namespace=meta["namespace"],
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            created=meta["creationTimestamp"],
            by=annotations.get(RELEASED_BY),
            workflow=annotations.get(WORKFLOW_NAME),
            workflow_url=annotations.get(WORKFLOW_URL),
            noted_at=_last_note(meta),
            spec=ReleaseSpec.model_validate(obj["spec"], extra="ignore"),
            status=ReleaseStatus.model_validate(obj.get("status", {}), extra="ignore"),
        )


def _last_note(meta: dict[str, Any]) -> Any:
    # Each writer's last change of a subresource (Kubernetes, "Server-Side Apply", managedFields).
    written = meta.get("managedFields") or []
    return max((e["time"] for e in written if e.get("subresource") == "status" and "time" in e), default=None)


def new_record(spec: ReleaseSpec, by: str | None = None) -> dict[str, Any]:
    """The resource to create for a new release."""
    meta: dict[str, Any] = {
        "name": record_name(spec.app.app, spec.release),
        "namespace": spec.app.namespace,
        "labels": release_labels(spec.app.app, spec.release),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": meta | ({"annotations": {RELEASED_BY: by}} if by else {}),
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
