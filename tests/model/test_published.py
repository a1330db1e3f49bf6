"""The JSON Schema of rainbow.yaml, as editors use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rainbow.model.app import AppConfig


def defaults(schema: Any) -> Iterator[tuple[str, str]]:
    """Each default that is a text, with the pattern that its key has."""
    if isinstance(schema, dict):
        if isinstance(schema.get("default"), str) and "pattern" in schema:
            yield schema["default"], schema["pattern"]
        for below in schema.values():
            yield from defaults(below)


def test_what_an_editor_offers_may_be_written() -> None:
    """A default that does not fit its own pattern would be refused when somebody takes it into the file."""
    found = list(defaults(AppConfig.model_json_schema(by_alias=True)))
    assert len(found) > 10
    for default, pattern in found:
        assert re.search(pattern, default), (default, pattern)
