"""Where the objects of a rendered chart stand in its templates: file, and line as far as it can be told.

Helm says which template each document is from (`# Source:`). A line is found by following the keys of a path down the
template, which may make any of them by a loop or a function: then it is the line of the last key that is written there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rainbow.adapters.chart_text import documents, templates
from rainbow.adapters.config_text import Loc
from rainbow.adapters.kube import Object
from rainbow.adapters.manifest_places import Place


@dataclass(frozen=True)
class ChartPlaces:
    """The templates of a chart, and which object is from which. `chart`: its folder, its file, or what it is called."""

    chart: Path
    sources: Mapping[tuple[str, str], str]
    texts: Mapping[str, str]

    @classmethod
    def read(cls, chart: Path, rendered: str) -> ChartPlaces:
        """Those of a chart beside rainbow.yaml. Of one that was pulled no template is at hand: the first line, then."""
        found = {
            (obj["kind"], obj["metadata"]["name"]): document.source.partition("/")[2]
            for document in documents(rendered)
            for obj in document.objects
        }
        return cls(chart, found, dict(templates(chart)))

    def place(self, obj: Object, path: Loc) -> Place:
        """The line of a part of an object, or of what is nearest around it."""
        source = self.sources.get((obj["kind"], obj["metadata"]["name"]))
        if source is None:
            return Place(self.chart, 1)
        if source not in self.texts:
            # A subchart that is packaged: its file has a version in its name, which Helm does not say.
            tail = source.removeprefix("charts/")
            source = next((name for name in self.texts if name.endswith(f".tgz/{tail}")), source)
        lines = self.texts.get(source, "").splitlines()
        return Place(self.chart / source, _line(lines, obj["kind"], path))


def _line(lines: list[str], kind: str, path: Loc) -> int:
    """The last line that keys of the path lead to, from the one on which an object of this kind begins."""
    at = next((i for i, line in enumerate(lines) if re.match(rf"kind:\s*[\"']?{kind}\b", line)), 0)
    block = _document(lines, at)
    for part in path:
        if isinstance(part, int):
            items = [i for i in block if lines[i].lstrip().startswith("- ")]
            items = [i for i in items if _indent(lines[i]) == _indent(lines[items[0]])]
            if part >= len(items):
                break  # made by a loop
            at, end = items[part], items[part + 1] if part + 1 < len(items) else block.stop
            block = range(at, end)
        else:
            found = next((i for i in block if _key(lines[i])[1] == part), None)
            if found is None:
                break
            at, block = found, _below(lines, found, block.stop)
    return at + 1


def _document(lines: list[str], at: int) -> range:
    """The document around a line."""
    rules = [i for i, line in enumerate(lines) if line.startswith("---")]
    return range(
        max((i for i in rules if i < at), default=-1) + 1, min((i for i in rules if i > at), default=len(lines))
    )


def _below(lines: list[str], at: int, end: int) -> range:
    """What belongs to the key in a line: all that is further in. Lines of the template language do not count."""
    depth = _key(lines[at])[0]
    keys = ((i, *_key(lines[i])) for i in range(at + 1, end))
    return range(at + 1, next((i for i, deep, name in keys if name is not None and deep <= depth), end))


def _key(line: str) -> tuple[int, str | None]:
    """How far in the key of a line stands, and the key; the dash of a list item is before it."""
    found = re.match(r"(\s*(?:- )?)[\"']?([A-Za-z0-9._/-]+)[\"']?:", line)
    return (len(found[1]), found[2]) if found else (0, None)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
