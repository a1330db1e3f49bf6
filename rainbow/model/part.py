"""What all parts of rainbow.yaml and of our resources share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """What all parts of rainbow.yaml share: frozen, camelCase outside, unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True,
        defer_build=True,  # each step has use for a few of them only, and its start counts
        extra="forbid",
        populate_by_name=True,
        alias_generator=lambda name: "".join(
            word if i == 0 else word.capitalize() for i, word in enumerate(name.split("_"))
        ),
    )

    @classmethod
    def model_json_schema(cls, *given: Any, **named: Any) -> dict[str, Any]:
        """The schema of what stands in files, with its defaults as they are written there."""
        from rainbow.model.published import Published  # steps have no use for it, and their start counts

        return super().model_json_schema(*given, **{"schema_generator": Published, **named})
