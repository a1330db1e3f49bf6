"""The words for what is wrong with a value in rainbow.yaml: what was found, and what is expected."""

from __future__ import annotations

import typing
from typing import Any

from pydantic import BaseModel

from rainbow.model.app import AppConfig

Loc = tuple[str | int, ...]

# pydantic's error types → what is expected there (docs.pydantic.dev, "Validation errors").
_TYPES = {
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "string_type": "a text (in quotes, if it looks like a number)",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "keys and values",
    "list_type": "a list",
    "model_type": "keys and values",
}
_LIMITS = {"greater_than_equal": ("ge", ">="), "less_than_equal": ("le", "<="), "greater_than": ("gt", ">")}


def found_and_expected(loc: Loc, error: dict[str, Any]) -> str:
    """For example "found 0, expected an integer >= 2"; `error` is one of pydantic's `errors()`."""
    kind, about = error["type"], description(loc)
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "missing":
        return f"missing; expected {about}" if about else "missing"
    found = f"found {shown(error['input'])}"
    if kind in _LIMITS:
        key, sign = _LIMITS[kind]
        return f"{found}, expected an integer {sign} {error['ctx'][key]}"
    if kind == "string_pattern_mismatch":
        return f"{found}, expected a text like {error['ctx']['pattern']}" + (f": {about}" if about else "")
    keys = expected_keys(loc) if kind == "model_type" else []
    expected = f"the keys {', '.join(keys)}" if keys else _TYPES.get(kind)
    return f"{found}, expected {expected}" if expected else f"{found}: {error['msg']}"


def shown(value: Any) -> str:
    """A value as its author knows it, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def expected_keys(loc: Loc) -> list[str]:
    """The keys that may stand under `loc`, as they are written."""
    model = _model_at(loc)
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def description(loc: Loc) -> str:
    """What the model says about the value at `loc`; empty when it says nothing."""
    parent = _model_at(loc[:-1])
    if parent is None or not loc:
        return ""
    for name, info in parent.model_fields.items():
        if loc[-1] in (name, info.alias):
            return info.description or ""
    return ""


def _model_at(loc: Loc) -> type[BaseModel] | None:
    """The part of the model that stands at `loc`, through maps and lists."""
    at: Any = AppConfig
    for part in loc:
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = next((i.annotation for n, i in at.model_fields.items() if part in (n, i.alias)), None)
        else:  # a key of a map or an index of a list: go on with its values
            at = (typing.get_args(at) or (None,))[-1]
        at = _without_none(at)
    return at if isinstance(at, type) and issubclass(at, BaseModel) else None


def _without_none(annotation: Any) -> Any:
    args = typing.get_args(annotation)
    if type(None) in args:
        return next(arg for arg in args if arg is not type(None))
    return annotation
