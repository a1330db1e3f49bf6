"""What completes the manifests of an app: one strategic merge patch for each object, and the objects that are added.

Several findings may be about one object; their patches are merged, so that kustomize applies one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from rainbow.decisions.findings import Finding
from rainbow.decisions.lint import lint
from rainbow.decisions.rendering import Overlay
from rainbow.decisions.workloads import Base

Object = dict[str, Any]
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Completion:
    """Patches with their heads (apiVersion, kind, name), and new objects."""

    patches: tuple[Object, ...]
    resources: tuple[Object, ...]


def completion(findings: Iterable[Finding]) -> Completion:
    """What mends these findings, as far as they can be mended."""
    patches: dict[Key, Object] = {}
    resources: dict[Key, Object] = {}
    for finding in findings:
        if finding.resource is not None:
            resources.setdefault(key_of(finding.resource), finding.resource)
        if finding.patch is not None and finding.about is not None:
            key, patch = key_of(finding.about), _head(finding.about) | finding.patch
            patches[key] = merged(patches.get(key, {}), patch)
    return Completion(tuple(patches.values()), tuple(resources.values()))


def hardened(layer: Overlay, base: Base) -> tuple[Overlay, tuple[Finding, ...]]:
    """The overlay of a release with what `harden: true` completes, and the findings that are mended by that.

    `base` is all of it: an overlay may be about a part.
    """
    there = {key_of(obj) for obj in layer.resources}
    mended = tuple(one for one in lint(base).mended if one.about is not None and key_of(one.about) in there)
    done = completion(mended)
    patches = [*layer.kustomization["patches"], *({"patch": json.dumps(patch)} for patch in done.patches)]
    return replace(
        layer,
        resources=(*layer.resources, *done.resources),
        kustomization=layer.kustomization | {"patches": patches},
    ), mended


def key_of(obj: Object) -> Key:
    """What tells an object from all others: group, kind, namespace and name."""
    group, _, _ = str(obj["apiVersion"]).rpartition("/")
    return group, obj["kind"], obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


def merged(into: Any, change: Any) -> Any:
    """Two strategic merge patches of one object as one; what the second says wins. List items are told by name."""
    if isinstance(into, dict) and isinstance(change, dict):
        return into | {key: merged(into[key], value) if key in into else value for key, value in change.items()}
    if isinstance(into, list) and isinstance(change, list) and all(map(_named, [*into, *change])):
        found = {item["name"]: item for item in into}
        for item in change:
            found[item["name"]] = merged(found.get(item["name"], {}), item)
        return list(found.values())
    return change


def _named(item: Any) -> bool:
    return isinstance(item, dict) and "name" in item


def _head(obj: Object) -> Object:
    # A patch without the namespace that stands in the base would be for another object.
    meta = {key: obj["metadata"][key] for key in ("name", "namespace") if obj["metadata"].get(key)}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta}
