"""A NetworkPolicy of a release still lets through whoever it was written for.

Kustomize adds the labels of the release to the `matchLabels` of peers too, though a proxy, a bus or a database has none
of them: the policy then fits nobody, and the release is cut off. `matchExpressions` are left as they are.
"""

from __future__ import annotations

from typing import Any

from rainbow.decisions.findings import Finding, Findings, Path, Severity
from rainbow.decisions.workloads import Base, selects, spec_of, template_labels

Object = dict[str, Any]

_PEERS = {"ingress": "from", "egress": "to"}


def check(base: Base) -> Findings:
    """One finding for each peer that is not of the base."""
    pods = [labels for obj in base.objects if (labels := template_labels(obj))]
    for policy in base.of_kind("NetworkPolicy"):
        if base.is_rolled(policy):
            continue
        outside = list(_outside(policy, pods))
        patch = _rewritten(policy, {path for path, _ in outside})
        for path, labels in outside:
            text = ", ".join(f"{key}={value}" for key, value in labels.items())
            yield Finding(
                Severity.ERROR,
                policy,
                path,
                f"pods with {text} are none of the base, and the labels of the release are added to matchLabels: no "
                "pod at all would fit, and the release be cut off from them",
                "write it as matchExpressions (key, operator In, values): those are left as they are",
                patch=patch,
            )


def _outside(policy: Object, pods: list[dict[str, str]]) -> list[tuple[Path, dict[str, str]]]:
    found: list[tuple[Path, dict[str, str]]] = []
    for way, peers in _PEERS.items():
        for n, rule in enumerate(spec_of(policy).get(way) or []):
            for m, peer in enumerate((rule or {}).get(peers) or []):
                selector = peer.get("podSelector") or {}
                own = "namespaceSelector" not in peer and any(selects(selector, labels) for labels in pods)
                if selector.get("matchLabels") and not own:
                    path: Path = ("spec", way, n, peers, m, "podSelector", "matchLabels")
                    found.append((path, selector["matchLabels"]))
    return found


def _rewritten(policy: Object, paths: set[Path]) -> Object:
    """The rules as a whole: a patch replaces such lists, it does not merge them."""
    spec: Object = {}
    for way, peers in _PEERS.items():
        if not any(path[1] == way for path in paths):
            continue
        spec[way] = [
            rule
            | {
                peers: [
                    _with_expressions(peer)
                    if ("spec", way, n, peers, m, "podSelector", "matchLabels") in paths
                    else peer
                    for m, peer in enumerate(rule[peers])
                ]
            }
            if (rule or {}).get(peers)
            else rule
            for n, rule in enumerate(spec_of(policy)[way])
        ]
    return {"spec": spec}


def _with_expressions(peer: Object) -> Object:
    selector = dict(peer["podSelector"])
    labels = selector.pop("matchLabels")
    more = [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]
    return peer | {"podSelector": selector | {"matchExpressions": [*(selector.get("matchExpressions") or []), *more]}}
