"""One more entry in somebody's kustomization file, with nothing else of its text changed: comments, order and quotes.

The text is read for the places of its nodes, and the entry is put in there.
"""

from __future__ import annotations

import json
from typing import Any

from rainbow.errors import BadInput

Entry = str | dict[str, str]  # of `resources` and of `patches`


def with_entry(text: str, key: str, entry: Entry) -> str:
    """The text with the entry as the last one of a list; as it is when the list has it. Raises BadInput."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="safe", pure=True)
    try:
        root, data = yaml.compose(text) if text.strip() else None, yaml.load(text)
    except YAMLError as error:
        raise BadInput(f"the kustomization cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise BadInput("the kustomization has no keys")
    if entry in (data.get(key) or []):
        return text
    pairs = [] if root is None else root.value
    name, value = next((pair for pair in pairs if pair[0].value == key), (None, None))
    if name is None or value is None:
        return _with_key(text, root, key, entry)
    if value.id == "sequence" and value.flow_style:
        return _in_flow(text, value, json.dumps(entry))
    if value.id == "sequence":
        return _after_last(text, value, entry)
    at = text.index(":", name.end_mark.index) + 1  # with nothing after it
    return text[:at] + f"\n  - {_block(entry)}" + text[at:]


def _with_key(text: str, root: Any, key: str, entry: Entry) -> str:
    if root.flow_style:
        return _in_flow(text, root, f"{json.dumps(key)}: [{json.dumps(entry)}]")
    ended = text if text.endswith("\n") else text + "\n"
    return f"{ended}{key}:\n  - {_block(entry)}\n"


def _in_flow(text: str, node: Any, item: str) -> str:
    at = node.end_mark.index - 1  # of the bracket
    body = text[:at].rstrip()
    comma = "" if not node.value or body.endswith(",") else ","
    return f"{body}{comma}{' ' if node.value else ''}{item}{text[at:]}"


def _after_last(text: str, node: Any, entry: Entry) -> str:
    """After the last line of the list; comments that are not indented further than it belong to what comes next."""
    lines, column = text.splitlines(keepends=True), node.start_mark.column
    last = len(lines) if node.end_mark.index >= len(text) else node.end_mark.line
    while last and _blank(lines[last - 1], column):
        last -= 1
    if not lines[last - 1].endswith("\n"):
        lines[last - 1] += "\n"
    return "".join([*lines[:last], f"{' ' * column}- {_block(entry)}\n", *lines[last:]])


def _blank(line: str, column: int) -> bool:
    bare = line.lstrip()
    return not bare or (bare.startswith("#") and len(line) - len(bare) <= column)


def _block(entry: Entry) -> str:
    return entry if isinstance(entry, str) else ", ".join(f"{key}: {value}" for key, value in entry.items())
