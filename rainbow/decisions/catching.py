"""Which Services of the app's route would lead users to a release before its switch, by a selector that is too wide.

Kustomize only adds labels: what selects `app: shop` selects the pods of every release as well (S6). So it is with
plain Deployments that were never adopted (S13): their Service stands behind the route and selects by plain labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rainbow.model.names import RELEASE_LABEL

Object = dict[str, Any]


def catching(objects: Sequence[Object], services: Iterable[Object]) -> list[str]:
    """Names of the Services that select pods of the release's workloads without asking for a release.

    `objects` are those of the release, `services` those behind the route that belong to none.
    """
    labels = [found for obj in objects if (found := _template_labels(obj))]
    caught = []
    for service in services:
        selector: dict[str, str] = (service.get("spec") or {}).get("selector") or {}
        if selector and RELEASE_LABEL not in selector and any(selector.items() <= of.items() for of in labels):
            caught.append(service["metadata"]["name"])
    return sorted(caught)


def _template_labels(workload: Object) -> dict[str, str]:
    spec: Object = workload.get("spec") or {}
    spec = (spec.get("jobTemplate") or {}).get("spec") or spec
    labels: dict[str, str] = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return labels
