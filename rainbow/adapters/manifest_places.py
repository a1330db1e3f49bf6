"""Where the objects of a rendered base stand in its owner's files: file and line of any part of an object.

The folder of the kustomization is read as kustomize reads it: resources, bases, components and patches. An object is
found by kind and name. What no file has, as when a generator made it, is answered with the kustomization.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rainbow.adapters.config_text import Loc, Places, parse
from rainbow.errors import BadInput

Object = dict[str, Any]

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")  # kustomize's own names, in its order
BELOW = ("resources", "bases", "components")


@dataclass(frozen=True)
class Place:
    """A line of a file. It counts from 1."""

    file: Path
    line: int


@dataclass(frozen=True)
class _Document:
    """One document of a file; `names`: the ones that it may have after kustomize's prefixes and suffixes."""

    file: Path
    value: Object
    places: Places
    names: frozenset[str]

    @property
    def namespace(self) -> str | None:
        """As it is written."""
        found: str | None = (self.value.get("metadata") or {}).get("namespace")
        return found

    def may_be(self, obj: Object) -> bool:
        """Whether it may be of this object, by group, kind and name. A patch may leave the group out."""
        versions = self.value.get("apiVersion"), obj.get("apiVersion")
        if all(versions) and len(set(map(_group, versions))) > 1:
            return False
        return self.value.get("kind") == obj["kind"] and obj["metadata"]["name"] in self.names


@dataclass
class Sources:
    """All files of a base."""

    kustomization: Path
    documents: list[_Document] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Sources:
        """Those of the base in a folder. What cannot be read is left out: kustomize has read it, this is for people."""
        sources = cls(kustomization_of(folder))
        sources.documents += _documents(folder.resolve(), "", "", set())
        return sources

    def namespace(self, obj: Object) -> str | None:
        """The namespace that the object is written with, before kustomize gives it one."""
        return next((document.namespace for document in self._about(obj)), None)

    def place(self, obj: Object, path: Loc) -> Place:
        """The line of a part of an object, or of what is nearest around it."""
        best: tuple[int, Place] | None = None
        for document in self._about(obj):
            loc = _followed(obj, document.value, path)
            if best is None or len(loc) > best[0]:
                best = len(loc), Place(document.file, _line(document.places, loc or ("metadata", "name")))
        return best[1] if best else Place(self.kustomization, 1)

    def _about(self, obj: Object) -> list[_Document]:
        """The documents about it. Those with another namespace only when kustomize must have given it its own."""
        found = [document for document in self.documents if document.may_be(obj)]
        exact = [document for document in found if document.namespace == obj["metadata"].get("namespace")]
        return exact or found


def kustomization_of(folder: Path) -> Path:
    """The file that describes it. Raises BadInput when there is none."""
    for name in KUSTOMIZATIONS:
        if (folder / name).is_file():
            return folder / name
    raise BadInput(f"{folder} has no {KUSTOMIZATIONS[0]}")


def _group(version: Any) -> str:
    return str(version).rpartition("/")[0]


def _documents(folder: Path, prefix: str, suffix: str, seen: set[Path]) -> Iterator[_Document]:
    if folder in seen or not folder.is_dir():
        return
    seen.add(folder)
    try:
        (head,) = _read(kustomization_of(folder), prefix, suffix)
    except (BadInput, ValueError):
        return
    kustomization = head.value
    prefix, suffix = (
        prefix + str(kustomization.get("namePrefix") or ""),
        f"{kustomization.get('nameSuffix') or ''}{suffix}",
    )
    for entry in [entry for key in BELOW for entry in _strings(kustomization.get(key))]:
        target = (folder / entry).resolve()
        if target.is_dir():
            yield from _documents(target, prefix, suffix, seen)
        elif target.is_file():
            yield from _read(target, prefix, suffix)
    patches = [entry.get("path") for entry in kustomization.get("patches") or [] if isinstance(entry, dict)]
    for entry in [*_strings(patches), *_strings(kustomization.get("patchesStrategicMerge"))]:
        if (folder / entry).is_file():
            yield from _read((folder / entry).resolve(), prefix, suffix)


def _read(file: Path, prefix: str, suffix: str) -> Iterator[_Document]:
    """The documents of a file, each with the lines of the file."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for first, part in _split(text):
        try:
            value, places = parse(file, part)
        except BadInput:
            continue
        if isinstance(value, dict):
            name = str((value.get("metadata") or {}).get("name"))
            # A patch is for the name in the base, or for the one that kustomize has given.
            names = frozenset({name, f"{prefix}{name}{suffix}"})
            yield _Document(file, value, _moved(places, first), names)


def _split(text: str) -> Iterator[tuple[int, str]]:
    """The YAML documents of a text, each with the number of lines before it."""
    lines, first = text.splitlines(keepends=True), 0
    for number, line in enumerate([*lines, "---"]):
        if line.rstrip() == "---" or line.startswith("--- "):
            if any(each.strip() for each in lines[first:number]):
                yield first, "".join(lines[first:number])
            first = number + 1


def _moved(places: Places, lines: int) -> Places:
    def by(found: dict[Loc, tuple[int, int]]) -> dict[Loc, tuple[int, int]]:
        return {loc: (line + lines, column) for loc, (line, column) in found.items()}

    return Places(by(places.keys), by(places.values))


def _followed(rendered: Any, written: Any, path: Loc) -> Loc:
    """As much of the path as is written, with the index that list items have there: they are told by their names."""
    found: list[str | int] = []
    for part in path:
        rendered = _at(rendered, part)
        index: str | int | None = part
        if isinstance(part, int) and isinstance(written, list) and isinstance(rendered, dict) and "name" in rendered:
            index = next((i for i, item in enumerate(written) if _at(item, "name") == rendered["name"]), None)
        written = None if index is None else _at(written, index)
        if written is None or index is None:
            break
        found.append(index)
    return tuple(found)


def _line(places: Places, loc: Loc) -> int:
    """Of the key; of a list item, which has none, of itself."""
    key_or_item = places.keys.get(loc) or places.values.get(loc)
    return key_or_item[0] if key_or_item else places.of(loc, key=True)[0]


def _at(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def _strings(values: Any) -> Sequence[str]:
    return [value for value in values or [] if isinstance(value, str) and "://" not in value and "\n" not in value]
