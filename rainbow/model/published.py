"""JSON Schemas for people's editors: a default stands there as it is written in the file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from rainbow.model.durations import format_duration


class Published(GenerateJsonSchema):
    """Pydantic's own, but for durations: it would offer "PT5M", which no file may have."""

    def encode_default(self, dft: Any) -> Any:
        """The default as JSON."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)
