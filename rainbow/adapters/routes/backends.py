"""Reading and rewriting the object that names the Services of a route as plain data, without a cluster.

The same for an Ingress and an HTTPRoute: whatever names a Service is found by the keys that do so in either.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rainbow.adapters.kube import Object
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.routes.traces import Trace, as_annotations
from rainbow.errors import BadInput
from rainbow.model.names import APP_LABEL, object_name
from rainbow.model.release import Release


@dataclass(frozen=True)
class Backend:
    """One place that names a Service. `pointer` is its JSON pointer (RFC 6901).

    `traffic`: answers of the Service reach users. False for a mirror, and at a weight of zero.
    """

    pointer: str
    service: str
    traffic: bool = True


def backends(route: Object) -> Iterator[Backend]:
    """Every Service of its own namespace that the route refers to, in the order of the document."""
    yield from _named(route.get("spec") or {}, "/spec", route["metadata"].get("namespace"))


def _named(part: Any, pointer: str, namespace: str | None) -> Iterator[Backend]:
    if isinstance(part, list):
        for i, item in enumerate(part):
            yield from _named(item, f"{pointer}/{i}", namespace)
    elif isinstance(part, dict):
        for key, value in part.items():
            at = f"{pointer}/{key}"
            if key in ("backend", "defaultBackend") and (value or {}).get("service"):
                yield Backend(f"{at}/service/name", value["service"]["name"])
            elif key == "backendRef" and _is_service(value, namespace):
                yield Backend(f"{at}/name", value["name"], traffic=False)
            elif key == "backendRefs":
                refs = [(i, ref) for i, ref in enumerate(value or []) if _is_service(ref, namespace)]
                yield from (Backend(f"{at}/{i}/name", ref["name"], ref.get("weight", 1) != 0) for i, ref in refs)
            yield from _named(value, at, namespace)


def _is_service(ref: Object, namespace: str | None) -> bool:
    service = (ref.get("group") or "", ref.get("kind") or "Service") == ("", "Service")
    return service and (ref.get("namespace") or namespace) == namespace


# --- the route as a base has it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """The route as the base of a release has it, nothing of a release in it."""

    document: Object
    release: str
    as_adopted: bool = False  # its Services have the names of the base

    def led(self) -> Object:
        """The same, leading to the Services of the release."""
        return copy.deepcopy(self.document) if self.as_adopted else with_backends_of(self.document, self.release)


@lru_cache(maxsize=16)
def _parsed(manifests: str) -> tuple[Object, ...]:
    return tuple(load_objects(manifests))


def objects_of(release: Release) -> tuple[Object, ...]:
    """The objects of the base of a release, to be read only: they are parsed once for all who ask during a switch."""
    return _parsed(release.spec.manifests)


def find_base(release: Release) -> Base | None:
    """The object that says which paths lead where, None when the base of the release has none of that name."""
    entry = release.spec.app.route.entry
    for obj in objects_of(release):
        if (obj["kind"], obj["metadata"]["name"]) == (entry.document_kind, entry.document_name):
            document = obj | {"metadata": obj["metadata"] | {"namespace": release.namespace}}
            return Base(document, release.id, release.as_adopted)
    return None


def base_of(release: Release) -> Base:
    """The same. Raises BadInput when it is not there."""
    if (found := find_base(release)) is not None:
        return found
    entry, key = release.spec.app.route.entry, release.spec.app.route.key
    raise BadInput(
        f"the manifests of release {release.id} of {release.app} have no {entry.document_kind} {entry.document_name} "
        f"(route.{key} of rainbow.yaml)"
    )


def owned_by_app(obj: Object, target: Release, trace: Trace | None = None) -> Object:
    """An object of the base as it is made for an app's first release. It has no label of a release: it outlives all."""
    made = copy.deepcopy(obj)
    meta = made["metadata"]
    meta["namespace"] = target.namespace
    meta["labels"] = {**(meta.get("labels") or {}), APP_LABEL: target.app}
    if trace is not None:
        meta["annotations"] = {**(meta.get("annotations") or {}), **as_annotations(trace)}
    return made


def with_backends_of(route: Object, release: str) -> Object:
    """A copy of a route of the base whose backends are the Services of the release."""
    moved = copy.deepcopy(route)
    for backend in list(backends(moved)):
        place: Any = moved
        *way, last = backend.pointer.split("/")[1:]
        for key in way:
            place = place[int(key)] if isinstance(place, list) else place[key]
        place[last] = object_name(backend.service, release)
    return moved


def title(route: Object) -> str:
    """What messages call it."""
    meta = route["metadata"]
    return f"{route['kind']} {meta.get('namespace', '(base)')}/{meta['name']}"
