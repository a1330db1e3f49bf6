"""What of a rendered chart becomes part of a release: not its tests, not what is left out, and no hooks at all.

Helm runs hooks at moments that a release does not have; what they are for is said in rainbow.yaml instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

HOOK = "helm.sh/hook"  # Helm, "Chart Hooks"
# They are run by `helm test` alone.
_TESTS = {"test", "test-success", "test-failure"}
# What a hook of each kind is mostly for, in the words of rainbow.yaml.
_INSTEAD = "say what changes the schema under `migrations`, and what tests a release under `tests`"


@dataclass(frozen=True)
class Chosen:
    """The objects that stay; a note for each that does not; what stops the release; `leave_out` that fits nothing."""

    objects: tuple[Object, ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...]
    idle: tuple[str, ...]


def chosen(objects: Iterable[Object], leave_out: Sequence[str]) -> Chosen:
    """Sort the objects of a rendered chart. `leave_out`: Kind/name of those that belong beside the releases."""
    kept, notes, refused, met = [], [], [], set()
    for obj in objects:
        name, hooks = named(obj), _hooks(obj)
        if name in leave_out:
            met.add(name)
            notes.append(f"{name}: left out (manifests.helm.leaveOut); it has to be there beside the releases")
        elif hooks and hooks <= _TESTS:
            notes.append(f"{name}: left out, as only `helm test` runs it; what tests a release stands under `tests`")
        elif hooks:
            refused.append(
                f"{name} is a hook ({', '.join(sorted(hooks))}), and a release runs none: {_INSTEAD}; then switch the "
                f"hook off by the chart's values, or add {name} to manifests.helm.leaveOut"
            )
        else:
            kept.append(obj)
    idle = tuple(name for name in leave_out if name not in met)
    return Chosen(tuple(kept), tuple(notes), tuple(refused), idle)


def differing(first: Iterable[Object], second: Iterable[Object]) -> list[str]:
    """Kind/name of what is not the same in two renderings of one chart."""
    one, other = ({named(obj): obj for obj in objects} for objects in (first, second))
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def named(obj: Object) -> str:
    """`Kind/name`."""
    return f"{obj['kind']}/{obj['metadata']['name']}"


def _hooks(obj: Object) -> set[str]:
    text = (obj["metadata"].get("annotations") or {}).get(HOOK) or ""
    return {hook.strip() for hook in str(text).split(",") if hook.strip()}
