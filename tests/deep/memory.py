"""What is worked out a thousand times and always comes out the same, worked out once: for speed, and nothing else."""

from __future__ import annotations

import json
import marshal
from types import SimpleNamespace
from typing import Any

import pytest

from rainbow.adapters import kustomize
from rainbow.adapters.kube import Object
from rainbow.adapters.routes import backends
from rainbow.decisions.rendering import Overlay
from rainbow.model.release import Release, ReleaseSpec
from steps import deploy

_RENDERED: dict[str, str] = {}
_LOADED: dict[str, str] = {}
_SPECS: dict[str, ReleaseSpec] = {}
_real_render = kustomize.render


def _render(layer: Overlay) -> list[Object]:
    """Kustomize itself, once for all releases that differ in nothing but their id."""
    name = layer.kustomization["nameSuffix"].removeprefix("-")
    key = json.dumps([layer.resources, layer.kustomization]).replace(name, "rel0")
    if key not in _RENDERED:
        _RENDERED[key] = json.dumps(_real_render(layer)).replace(name, "rel0")
    objects: list[Object] = json.loads(_RENDERED[key].replace("rel0", name))
    return objects


def _copied(obj: Any) -> Any:
    """A deep copy of plain data."""
    return marshal.loads(marshal.dumps(obj, 2))  # noqa: S302 - it is our own


def remember(patches: pytest.MonkeyPatch) -> None:
    """What is read a thousand times is parsed once: base manifests, and each version of a record (both are frozen)."""
    parsed: dict[tuple[str, str], Release] = {}
    read, parse, typed = Release.from_object, kustomize.load_objects, ReleaseSpec.model_validate

    def from_object(obj: Object) -> Release:
        key = (obj["metadata"]["uid"], obj["metadata"]["resourceVersion"])
        if key not in parsed:
            parsed[key] = read(obj)
        return parsed[key]

    def load_objects(text: str) -> list[Object]:
        if text not in _LOADED:
            _LOADED[text] = json.dumps(parse(text))
        objects: list[Object] = json.loads(_LOADED[text])
        return objects

    def spec(obj: Any, **how: Any) -> ReleaseSpec:
        text = repr(obj)
        if text not in _SPECS:
            _SPECS[text] = typed(obj, **how)
        return _SPECS[text]

    patches.setattr(deploy, "render", _render)
    patches.setattr(backends, "copy", SimpleNamespace(deepcopy=_copied))
    patches.setattr(ReleaseSpec, "model_validate", spec)
    patches.setattr(Release, "from_object", from_object)
    for module in (kustomize, deploy, backends):
        patches.setattr(module, "load_objects", load_objects, raising=False)
