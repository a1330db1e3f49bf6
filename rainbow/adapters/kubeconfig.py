"""What a kubeconfig says, read as kubectl reads it and without asking any cluster: its contexts and their namespaces.

Of several files the first one to name something wins (Kubernetes, "Organizing Cluster Access Using kubeconfig Files").
What cannot be read counts as empty here: connecting says what is wrong with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "KUBECONFIG"
USUAL = Path("~/.kube/config")
ANYWHERE = "default"  # the namespace of a context that names none
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Kubeconfig:
    """Context → its namespace, None where it names none; and which context is the current one."""

    contexts: Mapping[str, str | None] = field(default_factory=dict)
    current: str | None = None


def read_kubeconfig() -> Kubeconfig:
    """All files of KUBECONFIG, or else the usual one."""
    contexts: dict[str, str | None] = {}
    current: str | None = None
    for data in _read():
        named = data.get("current-context")
        current = current or (named if isinstance(named, str) else None)
        for name, namespace in _contexts(data.get("contexts")):
            contexts.setdefault(name, namespace)
    return Kubeconfig(contexts, current)


def files() -> list[Path]:
    """The kubeconfigs that are meant, whether they are there or not."""
    given = os.environ.get(VARIABLE)
    return [Path(part) for part in given.split(os.pathsep) if part] if given else [USUAL.expanduser()]


def in_pod(context: str | None) -> bool:
    """Whether the rights of the pod are meant: what was said comes before what was found."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and not context and not os.environ.get(VARIABLE)


def namespace_of(context: str | None) -> str:
    """The namespace that is meant where none is said, as for kubectl."""
    if in_pod(context):
        try:
            return _OWN_NAMESPACE.read_text(encoding="utf-8").strip() or ANYWHERE
        except (OSError, ValueError):
            return ANYWHERE
    known = read_kubeconfig()
    return known.contexts.get(context or known.current or "") or ANYWHERE


def _read() -> Iterator[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, several times as fast where it was built
    for path in files():
        try:
            data = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - it is a safe one
        except (OSError, yaml.YAMLError, ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            yield data


def _contexts(found: Any) -> Iterator[tuple[str, str | None]]:
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            context = each.get("context")
            namespace = context.get("namespace") if isinstance(context, dict) else None
            yield each["name"], namespace if isinstance(namespace, str) else None
