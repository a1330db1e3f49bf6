"""Tables of the keys of a JSON Schema, one for each object in it, named by its path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from docs.site.markdown import code, paragraphs, table, text

Schema = Mapping[str, Any]
_PLAIN = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false"}


@dataclass(frozen=True)
class Tables:
    """Of one page. `told`: descriptions of another source, by path."""

    page: str
    definitions: Schema
    told: Schema = field(default_factory=dict)

    def anchor(self, path: str) -> str:
        """Of the section of a path."""
        return f"{self.page}-" + re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")


def sections(tables: Tables, schema: Schema, path: str = "", level: int = 2) -> Iterator[str]:
    """The table of an object, then those of the objects in it."""
    told, definitions, anchor = tables.told, tables.definitions, tables.anchor
    properties: Schema = schema.get("properties") or {}
    required, rows, below = schema.get("required") or [], [], list[tuple[str, Schema]]()
    for key, given in properties.items():
        where = f"{path}.{key}" if path else key
        shape, form = _resolved(given, definitions)
        inner = _inner(shape, definitions)
        if inner is not None:
            below.append((where, inner))
        name = f"[`{key}`](#{anchor(where)})" if inner is not None else code(key)
        own = given.get("description") or told.get(where)
        says = _no_rows(str(own)) if own else _first(str((inner or shape).get("description", "")))
        default = "required" if key in required else _default(given)
        rows.append([name, form, text(str(says)), default])
    yield table(["key", "type", "meaning", "default"], rows)
    for where, inner in below:
        yield f"({anchor(where)})=\n{'#' * min(level, 5)} {where}\n"
        if described := inner.get("description") or told.get(where):
            yield paragraphs(_no_rows(str(described))) + "\n"
        yield from sections(tables, inner, where, level + 1)


def _resolved(given: Schema, definitions: Schema) -> tuple[Schema, str]:
    """The schema behind references and alternatives to null, and its type in words."""
    shape = given
    if "anyOf" in shape:
        shape = next(option for option in shape["anyOf"] if option.get("type") != "null")
    if "$ref" in shape:
        shape = definitions[shape["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in shape:
        shape = next(option for option in shape["anyOf"] if option.get("type") != "null")
    return shape, _form(shape, definitions)


def _form(shape: Schema, definitions: Schema) -> str:
    if values := shape.get("enum") or ([shape["const"]] if "const" in shape else []):
        return " or ".join(code(value) for value in values)
    if shape.get("format") == "date-time":
        return "time"
    if "1h30m" in (shape.get("examples") or []):
        return "duration, such as `1h30m`"
    kind = shape.get("type")
    if kind == "array":
        return f"list of {_resolved(shape.get('items') or {}, definitions)[1] or 'anything'}"
    if kind == "object" and not shape.get("properties"):
        values = shape.get("additionalProperties")
        return f"names to {_resolved(values, definitions)[1]}" if isinstance(values, Mapping) and values else "keys"
    return "keys" if kind == "object" else _PLAIN.get(str(kind), "")


def _inner(shape: Schema, definitions: Schema) -> Schema | None:
    """The object whose keys are told in a section of their own."""
    if shape.get("type") == "array":
        shape = _resolved(shape.get("items") or {}, definitions)[0]
    elif shape.get("type") == "object" and isinstance(shape.get("additionalProperties"), Mapping):
        shape = _resolved(shape["additionalProperties"], definitions)[0]
    return shape if shape.get("properties") else None


def _default(given: Schema) -> str:
    value = given.get("default")
    if value in (None, [], {}) or isinstance(value, dict):
        return ""
    return code(str(value).lower() if isinstance(value, bool) else value)


def _first(described: str) -> str:
    """The first sentence, for the table; the rest stands below it."""
    return re.split(r"(?<=[.:]) |\n", _no_rows(described), maxsplit=1)[0].rstrip(".:")


def _no_rows(described: str) -> str:
    """Without the ids of requirements, which are for those who work on the code."""
    return re.sub(r" \([A-Z]\d+(, [A-Z]\d+)*\)", "", described)
