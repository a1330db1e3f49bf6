"""The Ingress of one release: the route of its base under the preview host, and below a path of the route's own hosts.

An Ingress cannot take the prefix off, so the app sees the whole path.
"""

from __future__ import annotations

from rainbow.adapters.kube import INGRESS, Object
from rainbow.adapters.routes.backends import base_of
from rainbow.adapters.routes.release_names import metadata, path_prefix, preview_host, preview_name
from rainbow.model.release import Release


def release_ingress(release: Release) -> Object:
    """The Ingress. One preview host, whatever hosts the base has."""
    base = base_of(release).led()
    spec = base["spec"]
    rules = [(rule.get("host"), _paths(rule)) for rule in spec.get("rules") or []]
    default = _prefixed("/", "Prefix", spec["defaultBackend"]) if spec.get("defaultBackend") else None
    every = [path for _, paths in rules for path in paths] + ([default] if default else [])
    made = [_rule(preview_host(release), every)]
    if prefix := path_prefix(release):
        # The default backend answers for every host.
        hosts = [*rules, *([(None, [default])] if default else [])]
        made += [_rule(host, [below for path in paths for below in _below(prefix, path)]) for host, paths in hosts]
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.kind,
        "metadata": metadata(release, preview_name(release.app, release.id), base["metadata"].get("annotations")),
        "spec": {key: spec[key] for key in ("ingressClassName",) if key in spec} | {"rules": made},
    }


def _paths(rule: Object) -> list[Object]:
    return (rule.get("http") or {}).get("paths") or []


def _rule(host: str | None, paths: list[Object]) -> Object:
    # Several hosts with the same path: the first one wins, as one host can lead to one Service only.
    first: dict[tuple[str, str], Object] = {}
    for path in paths:
        first.setdefault((path.get("path", "/"), path["pathType"]), path)
    return ({"host": host} if host else {}) | {"http": {"paths": list(first.values())}}


def _below(prefix: str, path: Object) -> list[Object]:
    """A path of the base below the prefix."""
    own, kind, backend = path.get("path", "/"), path["pathType"], path["backend"]
    below = [_prefixed(prefix + own, kind, backend)]
    # With its slash the prefix covers no longer id, also where a proxy compares texts; without, it is a page itself.
    return [*below, _prefixed(prefix, "Exact", backend)] if own == "/" and kind != "Exact" else below


def _prefixed(path: str, kind: str, backend: Object) -> Object:
    return {"path": path, "pathType": kind, "backend": backend}
