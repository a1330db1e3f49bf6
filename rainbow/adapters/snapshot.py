"""One reading of the cluster: each kind is listed once in a namespace, and everybody who asks is answered from that.

So whoever looks at many apps and releases makes as many list calls as for one. It is read-only, and true for the
moment of its first lists only: what is decided by it is written on condition that it still holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from rainbow.adapters.kube import (
    DEPLOYMENT,
    HTTP_ROUTE,
    INGRESS,
    POD,
    POLICY,
    RELEASE,
    SERVICE,
    WORKFLOW,
    Kind,
    Kube,
    Object,
)
from rainbow.errors import PermanentError
from rainbow.model.names import APP_LABEL

_STATEFUL_SET = Kind("apps/v1", "StatefulSet")
_WHOLE = frozenset({INGRESS, SERVICE, HTTP_ROUTE, RELEASE, POLICY})  # looked up by name too; others' as well as ours
_LABELLED = frozenset({POD, DEPLOYMENT, _STATEFUL_SET})  # those of releases, with their contents
# Of every other kind, what is asked for belongs to a release: the metadata of that. ConfigMaps hold packed sources.


@dataclass
class Snapshot(Kube):
    """`Kube` for reading. `live` answers what is asked for the first time; `lists` counts its list calls."""

    live: Kube = field(kw_only=True)
    lists: int = 0
    _seen: dict[tuple[Kind, str, str | None], list[Object] | PermanentError] = field(default_factory=dict)

    @classmethod
    def of(cls, live: Kube) -> Snapshot:
        """An empty one."""
        return cls(live.client, live.attempts, live._resources, live=live)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """The object, or None when there was none of that name."""
        if kind not in _WHOLE or namespace is None:
            return self.live.get(kind, namespace, name)
        return next((obj for obj in self.list(kind, namespace) if obj["metadata"]["name"] == name), None)

    def list(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        brief: bool = False,
    ) -> list[Object]:
        """All objects of the kind that match the selector. What cannot be listed is not tried again."""
        if namespace is None or fields:
            return self.live.list(kind, namespace, labels=labels, fields=fields, brief=brief)
        wanted, metadata_only = _reach(kind, labels)
        key = (kind, namespace, wanted)
        if key not in self._seen:
            self.lists += 1
            try:
                self._seen[key] = self.live.list(kind, namespace, labels=wanted, brief=metadata_only or brief)
            except PermanentError as error:
                self._seen[key] = error
        found = self._seen[key]
        if isinstance(found, PermanentError):
            raise found
        return [obj for obj in found if matches(obj, labels or "")]

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if method != "GET":
            raise TypeError(f"{method} {path}: a snapshot is for reading")
        return self.live._once(method, path, query, body, content_type)


def _reach(kind: Kind, labels: str | None) -> tuple[str | None, bool]:
    """The selector of the one list that answers all questions about the kind, and whether metadata will do."""
    if kind in _WHOLE or "gateway.networking.k8s.io" in kind.api_version:
        return None, False
    if kind == WORKFLOW or APP_LABEL not in (labels or ""):
        return labels, False
    return APP_LABEL, kind not in _LABELLED


def matches(obj: Object, selector: str) -> bool:
    """Whether an object has the labels (Kubernetes, "Labels and Selectors"); as far as Rainbow uses selectors."""
    labels = obj["metadata"].get("labels") or {}
    return all(_holds(labels, part.strip()) for part in re.split(r",(?![^(]*\))", selector) if part.strip())


def _holds(labels: dict[str, str], part: str) -> bool:
    if several := re.fullmatch(r"(\S+) in \((.*)\)", part):
        return labels.get(several[1]) in [value.strip() for value in several[2].split(",")]
    if "!=" in part:
        name, _, value = part.partition("!=")
        return labels.get(name) != value
    if "=" in part:
        name, _, value = part.partition("=")
        return labels.get(name) == value.removeprefix("=")
    if " " in part:
        raise ValueError(f"a snapshot does not know the selector {part!r}")
    return part[1:] not in labels if part.startswith("!") else part in labels
