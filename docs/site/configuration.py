"""The pages of rainbow.yaml and of the settings of an installation, from their models."""

from __future__ import annotations

from docs.site.schema_tables import Tables, sections
from rainbow.model.app import AppConfig
from workflows.settings import Settings

_FILE = """One file for each app, beside its manifests. `rainbow schema` prints it as JSON Schema, for editors and CI;
a key that is not known is refused. What it says travels in the record of each release: a change of the file changes
no release that is there. [A Policy](policy.md) does.
"""
_SETTINGS = """A file for `rainbow install --settings` and `rainbow render --settings`, or the one that
`RAINBOW_SETTINGS` names.
"""


def rainbow_yaml() -> str:
    """All keys, in the order of the model."""
    schema = AppConfig.model_json_schema(by_alias=True)
    return "\n".join(["# rainbow.yaml\n", _FILE, *sections(Tables("key", schema.get("$defs", {})), schema)])


def settings() -> str:
    """What `rainbow install --settings` reads."""
    schema = Settings.model_json_schema(by_alias=True)
    return "\n".join(
        ["# Settings of an installation\n", _SETTINGS, *sections(Tables("setting", schema.get("$defs", {})), schema)]
    )
