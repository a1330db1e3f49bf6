"""The HTTPRoutes of one release: a preview host, and on the route's own hosts a path and a header, as far as asked for.

One object each. By path the prefix is taken off; by header the rules of the base get one more condition, which makes
them win over the route itself (Gateway API, "HTTPRouteRule", precedence).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from rainbow.adapters.kube import HTTP_ROUTE, Object
from rainbow.adapters.routes.backends import base_of
from rainbow.adapters.routes.release_names import metadata, path_prefix, preview_host, preview_name
from rainbow.model.release import Release

_EVERY: Object = {"path": {"type": "PathPrefix", "value": "/"}}


def release_http_routes(release: Release) -> list[Object]:
    """The objects, that of the preview host first."""
    base = base_of(release).led()
    rules, own_hosts = base["spec"].get("rules") or [], base["spec"].get("hostnames") or []
    name = f"{release.app}-{release.id}"
    made = [_route(release, base, preview_name(release.app, release.id), [preview_host(release)], rules)]
    prefix = path_prefix(release)
    if below := [_below(prefix, rule, m) for rule in rules for m in _matches(rule) if prefix and _has_prefix(m)]:
        made.append(_route(release, base, f"{name}-path", own_hosts, below))
    if header := release.spec.app.route.releases.header:
        marked = [_with_header(header, release.id, rule) for rule in rules]
        made.append(_route(release, base, f"{name}-header", own_hosts, marked))
    return made


def _route(release: Release, base: Object, name: str, hostnames: Sequence[str], rules: list[Object]) -> Object:
    spec: Object = {"parentRefs": base["spec"].get("parentRefs") or [], "rules": copy.deepcopy(rules)}
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": metadata(release, name, base["metadata"].get("annotations")),
        "spec": spec | ({"hostnames": list(hostnames)} if hostnames else {}),
    }


def _matches(rule: Object) -> list[Object]:
    return rule.get("matches") or [_EVERY]


def _has_prefix(match: Object) -> bool:
    """A regular expression cannot be put below a prefix."""
    return (match.get("path") or {}).get("type") != "RegularExpression"


def _below(prefix: str, rule: Object, match: Object) -> Object:
    """One match of a rule of the base below the prefix, which is taken off; so each match is a rule of its own."""
    path = _EVERY["path"] | (match.get("path") or {})
    exact, own = path["type"] == "Exact", path["value"]
    asked = prefix + own if exact or own != "/" else prefix
    rewritten: Object = (
        {"type": "ReplaceFullPath", "replaceFullPath": own}
        if exact
        else {"type": "ReplacePrefixMatch", "replacePrefixMatch": own}
    )
    filters = copy.deepcopy(rule.get("filters") or [])
    if not any(f["type"] == "RequestRedirect" for f in filters):  # the two exclude one another
        _rewrite(filters, rewritten)
    return rule | {"matches": [match | {"path": {"type": path["type"], "value": asked}}], "filters": filters}


def _rewrite(filters: list[Any], path: Object) -> None:
    """Add the rewriting of the path, unless the base rewrites what was matched itself."""
    for found in filters:
        if found["type"] == "URLRewrite":
            found["urlRewrite"].setdefault("path", path)
            return
    filters.append({"type": "URLRewrite", "urlRewrite": {"path": path}})


def _with_header(name: str, value: str, rule: Object) -> Object:
    condition = {"type": "Exact", "name": name, "value": value}
    return rule | {"matches": [m | {"headers": [*(m.get("headers") or []), condition]} for m in _matches(rule)]}
