"""Reading and rewriting an Ingress as plain data, without a cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rainbow.adapters.kube import INGRESS, Object
from rainbow.adapters.kustomize import load_objects
from rainbow.errors import BadInput, Refused
from rainbow.model.names import APP_LABEL, GROUP, RELEASE_LABEL, object_name
from rainbow.model.release import Release, format_time
from rainbow.model.route import RouteState

SWITCHED_AT = f"{GROUP}/switched-at"
SWITCHED_FROM = f"{GROUP}/switched-from"


@dataclass(frozen=True)
class Backend:
    """One place in an Ingress that names a Service. `pointer` is its JSON pointer (RFC 6901)."""

    pointer: str
    service: str


def backends(ingress: Object) -> Iterator[Backend]:
    """Every Service that the Ingress refers to, the default backend included, in the order of the document."""
    spec = ingress.get("spec") or {}
    places: list[tuple[str, Object | None]] = [("/spec/defaultBackend", spec.get("defaultBackend"))]
    for i, rule in enumerate(spec.get("rules") or []):
        for j, path in enumerate((rule.get("http") or {}).get("paths") or []):
            places.append((f"/spec/rules/{i}/http/paths/{j}/backend", path.get("backend")))
    for pointer, backend in places:
        service = (backend or {}).get("service")
        if service:
            yield Backend(f"{pointer}/service/name", service["name"])


def hosts(ingress: Object, path: str) -> tuple[str, ...]:
    """The hosts under which the path is served, in order; all of them when no rule covers it.

    A rule without a host answers for every host: an empty text. A wildcard is made a name that it covers.
    """
    rules = (ingress.get("spec") or {}).get("rules") or []
    covering = [rule for rule in rules if any(covers(p, path) for p in (rule.get("http") or {}).get("paths") or [])]
    names = [(rule.get("host") or "").replace("*", "rainbow") for rule in covering or rules]
    return tuple(dict.fromkeys(names)) or ("",)


def covers(rule_path: Object, path: str) -> bool:
    """Whether a path of a rule serves this path."""
    own = rule_path.get("path") or "/"
    if rule_path.get("pathType") == "Exact":
        return bool(path == own)
    prefix = own.rstrip("/")
    return path == prefix or path.startswith(prefix + "/")


def has_ingress(release: Release) -> bool:
    """Whether the base of the release has the Ingress."""
    return _find_ingress(release) is not None


def _find_ingress(release: Release) -> Object | None:
    name = release.spec.app.route.entry.name
    objects = load_objects(release.spec.manifests)
    return next((o for o in objects if o["kind"] == INGRESS.kind and o["metadata"]["name"] == name), None)


def base_ingress(target: Release) -> Object:
    """The Ingress as the release's base has it, nothing of a release in it. Raises BadInput when it is not there."""
    if (found := _find_ingress(target)) is not None:
        return found
    name = target.spec.app.route.entry.name
    raise BadInput(f"the manifests of release {target.id} of {target.app} have no Ingress {name} (route.ingress.name)")


def first_ingress(target: Release, now: datetime) -> Object:
    """The Ingress of the base, leading to the release. It belongs to the app: it has no label of a release."""
    ingress = with_backends_of(base_ingress(target), target.id)
    meta = ingress["metadata"]
    meta["namespace"] = target.namespace
    meta["labels"] = {**(meta.get("labels") or {}), APP_LABEL: target.app}
    meta["annotations"] = {**(meta.get("annotations") or {}), SWITCHED_AT: format_time(now)}
    return ingress


def with_backends_of(ingress: Object, release: str) -> Object:
    """A copy of an Ingress of the base whose backends are the Services of the release."""
    moved = copy.deepcopy(ingress)
    for backend in list(backends(moved)):
        place: object = moved
        for key in backend.pointer.split("/")[1:-1]:
            place = place[int(key)] if isinstance(place, list) else place[key]  # type: ignore[index]
        place["name"] = object_name(backend.service, release)  # type: ignore[index]
    return moved


def moves(ingress: Object, state: RouteState, *, new: str, bases: Iterable[str]) -> list[Object]:
    """The operations of a JSON patch that moves the backends of the current release to release `new`.

    `bases` are the Services, without a release, that the new one has behind its route. Backends of others stay. Raises
    Refused when one has no counterpart in the new release: the route would be left pointing at both.
    """
    counterparts = {object_name(base, state.current or ""): base for base in bases}
    operations: list[Object] = []
    for backend in backends(ingress):
        if backend.service in state.plain:
            continue
        if backend.service not in counterparts:
            raise Refused(
                f"{title(ingress)} has the backend {backend.service}, and release {new} has nothing behind its route "
                f"to take its place; it has {', '.join(sorted(bases))}. Take the path out of the Ingress first"
            )
        operations.append({"op": "test", "path": backend.pointer, "value": backend.service})
        replacement = object_name(counterparts[backend.service], new)
        operations.append({"op": "replace", "path": backend.pointer, "value": replacement})
    return operations


_RULES = ("defaultBackend", "rules", "tls")  # what of an Ingress says who is led where


def same_rules(one: Release, other: Release) -> bool:
    """Whether the bases of two releases have the same hosts, paths and Services behind their route."""
    return _rules(base_ingress(one)) == _rules(base_ingress(other))


def follow(ingress: Object, before: Release | None, target: Release) -> list[Object]:
    """The operations that give the Ingress the hosts and paths of the target's base, where they differ.

    Empty when there is nothing to follow, or when the Ingress is not as the base of the release before has it: what a
    person changed on the live Ingress is not undone.
    """
    if before is None or same_rules(before, target):
        return []
    live = _rules(ingress)
    if live != _rules(with_backends_of(base_ingress(before), before.id)):
        return []
    wanted = _rules(with_backends_of(base_ingress(target), target.id))
    operations: list[Object] = []
    for key in (k for k in _RULES if live[k] != wanted[k]):
        if wanted[key] is None:
            operations.append({"op": "remove", "path": f"/spec/{key}"})
        else:
            operations.append({"op": "add", "path": f"/spec/{key}", "value": wanted[key]})
    return operations


def _rules(ingress: Object) -> Object:
    return {key: (ingress.get("spec") or {}).get(key) for key in _RULES}


def traces(ingress: Object, previous: str | None, now: datetime) -> list[Object]:
    """What a switch leaves on the route in the very patch that moves it, so that a kill right after loses nothing."""
    traces = {SWITCHED_AT: format_time(now), SWITCHED_FROM: previous or ""}
    if not ingress["metadata"].get("annotations"):
        return [{"op": "add", "path": "/metadata/annotations", "value": traces}]
    escaped = {key.replace("/", "~1"): value for key, value in traces.items()}
    return [{"op": "add", "path": f"/metadata/annotations/{k}", "value": v} for k, v in escaped.items()]


def switched(ingress: Object) -> tuple[datetime | None, str | None]:
    """When and from which release the last switch came, by what it left on the Ingress."""
    left = ingress["metadata"].get("annotations") or {}
    try:
        at = datetime.fromisoformat(left[SWITCHED_AT])
    except (KeyError, ValueError):  # never switched, or written by somebody else: it is a note only
        at = None
    return at, left.get(SWITCHED_FROM) or None


def owner(obj: Object) -> tuple[str | None, str | None]:
    """The app and the release that an object belongs to, by its labels."""
    labels = obj["metadata"].get("labels") or {}
    return labels.get(APP_LABEL), labels.get(RELEASE_LABEL)


def title(ingress: Object) -> str:
    """What messages call it."""
    meta = ingress["metadata"]
    return f"Ingress {meta.get('namespace', '(base)')}/{meta['name']}"
