"""The texts around a chart: the documents that helm renders, each with its template, and the templates themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from backports import tarfile

from rainbow.adapters.kube import Object
from rainbow.adapters.kustomize import load_objects

LARGEST = 2**20  # bytes of a template that are read
_SOURCE = re.compile(r"^# Source: (\S.*)$", re.MULTILINE)
_LOOKUP = re.compile(r"\blookup\s+[\"`]")


@dataclass(frozen=True)
class Document:
    """One YAML document of a rendered chart. `source`: path of its template, below the name of the chart."""

    text: str
    source: str
    objects: tuple[Object, ...]

    def only(self, kept: list[Object]) -> str:
        """Its text with these objects of it alone."""
        if len(kept) == len(self.objects):
            return f"---\n{self.text}"
        head = f"# Source: {self.source}\n"
        return "".join(f"---\n{head}{yaml.safe_dump(obj, sort_keys=False, width=120)}" for obj in kept)


def documents(text: str) -> list[Document]:
    """The documents that hold anything, in their order. Raises BadInput for what is no object."""
    found = []
    for part in re.split(r"^---(?:[ \t].*)?(?:\n|\Z)", text, flags=re.MULTILINE):
        objects = tuple(load_objects(part))
        source = _SOURCE.search(part)
        if objects:
            found.append(Document(part, source[1].strip() if source else "", objects))
    return found


def templates(chart: Path) -> Iterator[tuple[str, str]]:
    """Each template of a chart, packaged or not, and of the charts in it: path below the chart, and text."""
    if chart.is_dir():
        for file in sorted(chart.rglob("*")):
            name = file.relative_to(chart).as_posix()
            if file.suffix == ".tgz" and file.parent.name == "charts":
                yield from ((f"{name}/{at}", text) for at, text in _packed(file))
            elif _is_template(name) and file.is_file() and file.stat().st_size <= LARGEST:
                yield name, file.read_text(encoding="utf-8", errors="replace")
    elif chart.is_file():
        yield from ((at.partition("/")[2], text) for at, text in _packed(chart))


def lookups(chart: Path) -> list[str]:
    """File and line of everything in a chart that asks the cluster while it is rendered."""
    return [
        f"{name}:{number}"
        for name, text in templates(chart)
        for number, line in enumerate(text.splitlines(), start=1)
        if _LOOKUP.search(line)
    ]


def _packed(file: Path) -> Iterator[tuple[str, str]]:
    """Of a packaged chart: the chart's name is first in each path."""
    try:
        with tarfile.open(file) as packed:
            for member in packed:
                if member.isfile() and member.size <= LARGEST and _is_template(member.name):
                    content = packed.extractfile(member)
                    yield member.name, (content.read() if content else b"").decode("utf-8", errors="replace")
    except (OSError, tarfile.TarError):
        return  # helm says what is wrong with it


def _is_template(name: str) -> bool:
    return "templates/" in name and name.endswith((".yaml", ".yml", ".tpl", ".txt"))
