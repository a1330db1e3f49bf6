"""`migrations` in rainbow.yaml: how the schema of the app's database changes, by expand and contract (F4).

A schema has a version, a whole number. Each expand and each contract leads one version up, and every release says which
versions it works with. The commands are the app's own, in an image of its own: Alembic, Flyway, pgroll, plain SQL.
"""

from __future__ import annotations

import json
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from rainbow.model.addresses import ImageReference
from rainbow.model.durations import Duration
from rainbow.model.part import Part

SchemaVersion = Annotated[int, Field(ge=0, le=1_000_000)]
_Command = Annotated[list[str], Field(min_length=1)]
_EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Stage(StrEnum):
    """The phases of a schema change; each is a step of its name."""

    EXPAND = "expand"
    BACKFILL = "backfill"
    CONTRACT = "contract"


class SchemaState(Part):
    """What the database says of itself: the version of its schema, and whether all old rows are moved."""

    version: SchemaVersion
    backfilled: bool = False


class Needs(Part):
    """What a release works with. What is not given is not needed."""

    minimum: SchemaVersion = Field(description="lowest version of the schema that the release works with")
    maximum: SchemaVersion = Field(
        description="highest one; by custom one above what its own expand makes, so that the next release can expand "
        "while this one is there"
    )
    backfilled: bool = Field(default=False, description="it works only when all old rows are moved")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.maximum < self.minimum:
            raise ValueError(f"found minimum {self.minimum} above maximum {self.maximum}")
        return self

    def include(self, version: int) -> bool:
        """Whether it works with this version."""
        return self.minimum <= version <= self.maximum

    @property
    def text(self) -> str:
        """In words."""
        versions = f"version {self.minimum}" if self.minimum == self.maximum else f"{self.minimum} to {self.maximum}"
        return versions + (", all rows moved" if self.backfilled else "")


class SchemaChange(Part):
    """A change of the structure. It is made in one go, and nothing when the schema has that version already."""

    to: SchemaVersion = Field(description="version of the schema that it leads to, from the one before")
    command: _Command
    timeout: Duration = Field(default=timedelta(minutes=10))


class Backfill(Part):
    """Moving the old rows while users work, in batches: it can be killed at any time, and goes on where it was."""

    command: _Command
    timeout: Duration = Field(default=timedelta(days=1))


class Migrations(Part):
    """The container of the migrations, and what each of its commands is for."""

    image: ImageReference = Field(description="a name under `images`, or a full reference")
    needs: Needs
    state: _Command = Field(
        description='prints the state of the schema as its last line: {"version": 2, "backfilled": false}'
    )
    expand: SchemaChange | None = Field(
        default=None, description="before the deployment: adds the new structure; every release there goes on working"
    )
    backfill: Backfill | None = Field(default=None, description="after the switch: moves what is old")
    contract: SchemaChange | None = Field(
        default=None, description="when nothing needs it any more: removes the old structure"
    )
    env: dict[_EnvName, str] = Field(default_factory=dict, description="variables of its container; nothing secret")
    env_from: list[str] = Field(
        default_factory=list, description="names of Secrets of the namespace whose keys become variables"
    )
    service_account: str | None = Field(
        default=None, description="ServiceAccount of its pod; none, and no token, when left out"
    )

    @model_validator(mode="after")
    def _one_stage_at_a_time(self) -> Self:
        if self.expand is not None and self.contract is not None:
            raise ValueError(
                "found expand and contract, expected one of them: what expand adds has to prove itself before the old "
                "structure goes, so contract belongs into a later release"
            )
        for name, change in (("expand", self.expand), ("contract", self.contract)):
            if change is not None and not self.needs.include(change.to):
                raise ValueError(
                    f"{name} leads to version {change.to}, with which the release itself does not work "
                    f"(needs: {self.needs.text})"
                )
        return self

    def command(self, stage: Stage | None) -> list[str]:
        """What the container runs for a stage; None asks for the state."""
        part = None if stage is None else getattr(self, stage)
        command: list[str] = self.state if part is None else part.command
        return command


def parse_state(lines: tuple[str, ...]) -> SchemaState | None:
    """The state that a container printed as its last line; None when that is something else."""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    try:
        found = json.loads(last)
    except ValueError:
        return None
    if not isinstance(found, dict) or type(found.get("version")) is not int:
        return None
    try:
        return SchemaState.model_validate(found, extra="ignore", strict=True)
    except ValidationError:
        return None
