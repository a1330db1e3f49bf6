"""What completes a base, written beside its kustomization: one file of patches and one of new objects.

Both are named in the kustomization; no other file of the owner's is changed. What an earlier run wrote there stays.
When kustomize cannot build the base any more everything is put back as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import yaml

from rainbow.adapters.config_text import parse
from rainbow.adapters.kustomization_text import with_entry
from rainbow.adapters.kustomize import build, load_objects
from rainbow.adapters.manifest_places import Sources
from rainbow.decisions.hardening import Completion, Key, key_of, merged
from rainbow.errors import PermanentError, RainbowError

Object = dict[str, Any]

PATCHES = "rainbow-lint.yaml"
RESOURCES = "rainbow-lint-resources.yaml"
_HEAD = "# Written by `rainbow lint --fix`, which adds to it when there is more to complete.\n"


@dataclass(frozen=True)
class Change:
    """One file as it was (None: it was not there) and as it is to be."""

    file: Path
    before: str | None
    after: str

    @property
    def diff(self) -> str:
        """For people."""
        lines = (self.before or "").splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(unified_diff(*lines, str(self.file) if self.before else "/dev/null", str(self.file)))


def changes(folder: Path, completion: Completion) -> list[Change]:
    """What would be written. Raises BadInput for a kustomization that cannot be read."""
    sources = Sources.read(folder)
    text = _read(sources.kustomization)
    top, _ = parse(sources.kustomization, text)
    found: list[Change] = []
    after = text
    for name, key, entry, objects in (
        (RESOURCES, "resources", RESOURCES, completion.resources),
        (PATCHES, "patches", {"path": PATCHES}, completion.patches),
    ):
        if not objects:
            continue
        file = folder / name
        before = _read(file) if file.is_file() else None
        written = [_as_written(obj, top, sources) for obj in objects]
        found.append(Change(file, before, _HEAD + _dumped(_joined([*load_objects(before or ""), *written]))))
        after = with_entry(after, key, entry)
    found += [Change(sources.kustomization, text, after)] if found else []
    return [change for change in found if change.before != change.after]


def write(folder: Path, wanted: Sequence[Change]) -> None:
    """Write them. Raises PermanentError, with everything as it was, when the base cannot be built with them."""
    try:
        for change in wanted:
            change.file.write_text(change.after, encoding="utf-8")
        build(folder)
    except (RainbowError, OSError) as error:
        for change in wanted:
            if change.before is None:
                change.file.unlink(missing_ok=True)
            else:
                change.file.write_text(change.before, encoding="utf-8")
        diffs = "".join(change.diff for change in wanted)
        raise PermanentError(
            f"{folder} cannot be built with what completes it, and is as it was: {error}\nWrite it where it belongs by "
            f"hand, or say `harden: true` in rainbow.yaml, which needs no files:\n{diffs}"
        ) from error


def _read(file: Path) -> str:
    """With the ends of its lines as they are."""
    return file.read_bytes().decode("utf-8")


def _as_written(obj: Object, top: Object, sources: Sources) -> Object:
    """Under the name and the namespace that it has before this kustomization gives it others."""
    meta = dict(obj["metadata"])
    name = str(meta["name"])
    if top.get("namespace"):
        meta["namespace"] = sources.namespace(obj)
    prefix, suffix = str(top.get("namePrefix") or ""), str(top.get("nameSuffix") or "")
    meta["name"] = name.removeprefix(prefix).removesuffix(suffix)
    return obj | {"metadata": {key: value for key, value in meta.items() if value is not None}}


def _joined(objects: Iterable[Object]) -> list[Object]:
    found: dict[Key, Object] = {}
    for obj in objects:
        found[key_of(obj)] = merged(found.get(key_of(obj), {}), obj)
    return list(found.values())


def _dumped(objects: Iterable[Object]) -> str:
    return str(yaml.safe_dump_all(list(objects), sort_keys=False, width=120))
