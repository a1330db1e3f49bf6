"""The text of rainbow.yaml: its values, and the line and column of each key and value.

The text is read twice: composed, for the places and for keys given twice; and loaded, for the values.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rainbow.errors import BadInput

Loc = tuple[str | int, ...]  # ("drain", "prometheus", "samples")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1."""

    line: int
    column: int
    where: str  # "drain.prometheus.samples"; empty for the file as a whole
    text: str


@dataclass
class Places:
    """Where each key stands, and where its value does: line and column from 1."""

    keys: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    values: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    twice: list[Problem] = field(default_factory=list)

    def of(self, loc: Loc, *, key: bool = False) -> tuple[int, int]:
        """The place of the value (or of its key), else of the nearest thing around it."""
        for n in range(len(loc), 0, -1):
            place = (self.keys if key else self.values).get(loc[:n]) or self.keys.get(loc[:n])
            if place:
                return place
            key = True  # something missing points at the key that it is missing under
        return (1, 1)


def parse(path: Path, text: str) -> tuple[Any, Places]:
    """The values in a YAML text, and where they stand. Raises BadInput for what is not YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True  # they are reported with everything else
    places = Places()
    try:
        # ruamel takes a text without any document for a mistake of its caller.
        root = yaml.compose(text) if text.strip() else None
        if root is None:
            return None, places
        _walk(root, (), places, set())
        return yaml.load(text), places
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = " ".join(part.strip() for part in (error.context, error.problem) if part)
        raise_problems(path, [Problem(line, column, "", f"not YAML: {said}")])
        raise
    except YAMLError as error:
        raise BadInput(f"{path}:1:1: not YAML: {error}") from error
    except ValueError as error:  # what looks like a date or a number and is none
        raise BadInput(f"{path}: a value cannot be read: {error}; put what is meant as text in quotes") from error
    except RecursionError as error:
        raise BadInput(f"{path} is nested too deeply for a rainbow.yaml") from error


def _walk(node: Any, loc: Loc, places: Places, seen: set[int]) -> None:
    if node.start_mark.index < node.end_mark.index:  # an empty value has no place of its own: its key stands for it
        places.values[loc] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in seen:  # an alias: once is enough, and an alias may contain itself
        return
    seen.add(id(node))
    if node.id == "sequence":
        for i, item in enumerate(node.value):
            _walk(item, (*loc, i), places, seen)
    elif node.id == "mapping":
        for key, value in node.value:
            here: Loc = (*loc, str(key.value))
            place = (key.start_mark.line + 1, key.start_mark.column + 1)
            if here in places.keys:
                first = places.keys[here][0]
                places.twice.append(Problem(*place, dotted(here), f"given twice, first in line {first}; keep one"))
            places.keys[here] = place
            _walk(value, here, places, seen)


def raise_problems(path: Path, problems: Sequence[Problem]) -> None:
    """Raises BadInput with a line for each, in the order of the file; nothing when there are none."""
    if not problems:
        return
    ordered = sorted(set(problems), key=lambda p: (p.line, p.column, p.where, p.text))
    lines = [f"{path}:{p.line}:{p.column}: {p.where + ': ' if p.where else ''}{p.text}" for p in ordered]
    raise BadInput("\n".join(lines))


def dotted(loc: Loc) -> str:
    """("images", "spawn", 0) → "images.spawn[0]"."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint: the known word that was probably meant, else all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are: {', '.join(known)}" if known else "there are none"
