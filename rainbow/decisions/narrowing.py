"""Plain selectors, narrowed to the pods that run: later releases' pods carry the same labels, and more.

A Service would send users to a release that nobody has tested; two PodDisruptionBudgets for one pod keep its node from
being drained. The hash of the template tells the pods apart, those that are made later included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rainbow.decisions.plain import HASH, Object, Running, is_finished, labels_of
from rainbow.decisions.rendering import describe
from rainbow.model.names import APP_LABEL, RELEASE_LABEL

# Where the kinds that select pods, besides Services, keep their selector.
SELECTORS = {"PodDisruptionBudget": "selector", "NetworkPolicy": "podSelector"}


@dataclass(frozen=True)
class Narrowed:
    """A merge patch, empty when nothing has to change, and what it means; or why it cannot be."""

    patch: Object
    means: str = ""
    refusal: str = ""


def narrowed(obj: Object, deployments: Sequence[Running], pods: Sequence[Object], app: str) -> Narrowed:
    """For a Service, PodDisruptionBudget or NetworkPolicy as it is. `pods` are all of the namespace."""
    if obj["kind"] == "Service":
        return _service(obj, deployments, pods, app)
    selector = obj["spec"].get(SELECTORS[obj["kind"]]) or {}
    if selector.get("matchExpressions"):
        return Narrowed({}, refusal=f"{describe(obj)} has matchExpressions; use matchLabels alone")
    meant, refusal = _meant(obj, selector.get("matchLabels") or {}, deployments, pods, app)
    if refusal:
        return Narrowed({}, refusal=refusal)
    hashes = sorted(one.hash for one in meant if one.hash is not None)
    narrow = {"matchExpressions": [{"key": HASH, "operator": "In", "values": hashes}]}
    return Narrowed({"spec": {SELECTORS[obj["kind"]]: narrow}} if hashes else {}, "is about these very pods")


def is_narrowed(obj: Object) -> bool:
    """Whether that was done before."""
    if obj["kind"] == "Service":
        return HASH in (obj["spec"].get("selector") or {})
    selector = obj["spec"].get(SELECTORS[obj["kind"]]) or {}
    return any(expression["key"] == HASH for expression in selector.get("matchExpressions") or [])


def _service(obj: Object, deployments: Sequence[Running], pods: Sequence[Object], app: str) -> Narrowed:
    selector = obj["spec"].get("selector") or {}
    if not selector:
        return Narrowed({})
    meant, refusal = _meant(obj, selector, deployments, pods, app)
    if not refusal and len(meant) > 1:
        names = " and ".join(one.obj["metadata"]["name"] for one in meant)
        refusal = f"{describe(obj)} selects pods of Deployments {names}; let it select those of one"
    if refusal:
        return Narrowed({}, refusal=refusal)
    return Narrowed({"spec": {"selector": {HASH: meant[0].hash}}} if meant else {}, "leads to these very pods")


def _meant(
    obj: Object, selector: dict[str, str], deployments: Sequence[Running], pods: Sequence[Object], app: str
) -> tuple[list[Running], str]:
    """The Deployments whose pods are selected; and why it cannot be told for good which pods these are."""
    meant = [one for one in deployments if selector.items() <= one.template_labels.items()]
    if strays := _strays(selector, meant, pods, app):
        return (
            meant,
            f"{describe(obj)} is about {strays} as well, which the base does not have: add it or keep it apart",
        )
    if without := [describe(one.obj) for one in meant if not one.staying]:
        return meant, f"{', '.join(without)} has no pod, and {describe(obj)} is about its pods; scale it up first"
    return meant, ""


def _strays(selector: dict[str, str], meant: Sequence[Running], pods: Sequence[Object], app: str) -> str:
    """Pods that are selected, and are neither of the base nor of a release."""
    own = {pod["metadata"]["name"] for one in meant for pod in one.pods}
    found = [pod for pod in pods if selector.items() <= labels_of(pod).items() and not is_finished(pod)]
    names = [
        pod["metadata"]["name"]
        for pod in found
        # Pods of releases are what it is narrowed for.
        if not (labels_of(pod).get(APP_LABEL) == app and RELEASE_LABEL in labels_of(pod))
    ]
    return ", ".join(f"pod {name}" for name in sorted(set(names) - own)[:3])
