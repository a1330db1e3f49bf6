"""What every step has in common: its parameters and its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from rainbow.adapters.world import World
from rainbow.model.names import AppName, Namespace, ReleaseId


class CommonParams(BaseModel):
    """The parameters of every step: its flags, its Argo parameters and their validation, once."""

    # Built when first used: a step imports those of its neighbours too.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    namespace: Namespace = Field(description="namespace of the app")
    dry_run: bool = Field(default=False, description="print the decision and change nothing")


class StepParams(CommonParams):
    """Those of a step that is about one release: everything else it needs stands in the record of that."""

    app: AppName = Field(description="name of the app")
    release: ReleaseId = Field(description="id of the release that this is about")


class Operation(StepParams):
    """What a step that people call takes besides: why, and who."""

    reason: str = Field(default="", max_length=1000, description="why, for the record")
    by: str = Field(
        default="", max_length=200, description="who, for the record; by default the user of the kubeconfig"
    )


class Step(Protocol):
    """A module in steps/. It may name the `INPUTS` of its Argo template, fields of its Params, see `inputs`."""

    Params: type[CommonParams]
    OUTPUTS: Mapping[str, str]  # output parameter → its value when the step did not come to write it
    RULES: Sequence[Mapping[str, Any]]  # of the Role of its ServiceAccount: least rights, each with its why

    def run(self, params: Any, world: World) -> None:
        """Do it. Raises RainbowError."""


def inputs(step: Step) -> dict[str, str | None]:
    """The inputs of a step's Argo template, each with its value when left out; None for one that must be given.

    The namespace is always the workflow's own. Inputs are texts; an empty one counts as not given.
    """
    names: Sequence[str] = getattr(step, "INPUTS", ("app", "release"))
    fields = step.Params.model_fields
    return {name: None if fields[name].is_required() else "" for name in names}
