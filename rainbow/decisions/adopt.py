"""How what runs as plain Deployments becomes the first release of its app, without touching a pod's template (S13).

Labels of the release go on the objects and on the pods as they run: a changed template would restart them. So that no
plain selector catches the pods of later releases, which carry the same labels and more, selectors are narrowed to the
hash of the very template that runs (label pod-template-hash: every pod that its ReplicaSet makes later has it, too).
And Deployments are paused, so that this template stays the one that runs: a release is never rolled over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rainbow.decisions.narrowing import SELECTORS, is_narrowed, narrowed
from rainbow.decisions.plain import Key, Object, Running, labels_of, running
from rainbow.decisions.rendering import describe
from rainbow.model.names import APP_LABEL, RELEASE_LABEL, release_labels
from rainbow.model.release import Phase, Release
from rainbow.model.route import RouteState

# Their pods could neither be told from those of later releases, nor be seen while the release drains.
_UNSEEN = ("StatefulSet", "DaemonSet", "Job", "CronJob")
_ORDER = {"Deployment": 0, "Pod": 1, "Service": 2}  # the template is fixed before anything relies on its hash


@dataclass(frozen=True)
class AdoptFacts:
    """What was read. `base` is what a release consists of, `live` the same objects as they are in the cluster."""

    release: Release
    route: RouteState
    carried: frozenset[str]  # Services of the base behind its route
    base: Sequence[Object]
    live: Mapping[Key, Object]
    pods: Sequence[Object]


@dataclass(frozen=True)
class Change:
    """One merge patch on an object as it was read."""

    obj: Object
    patch: Object
    what: str


@dataclass(frozen=True)
class AdoptDecision:
    """`refusals`: why it cannot be; `waiting`: why not yet; else the changes, in order. None left: it is adopted."""

    changes: tuple[Change, ...] = ()
    refusals: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class _Found:
    """What comes to light on the way."""

    changes: list[Change] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def decide_adopt(facts: AdoptFacts) -> AdoptDecision:
    """The decision for a release whose record says that it is adopted. Once adopted, only new pods are labelled."""
    if refusals := [*_unfit(facts), *_misrouted(facts), *_not_there(facts)]:
        return AdoptDecision(refusals=tuple(refusals))
    found = _Found()
    deployments = [running(obj, facts.pods) for obj in facts.live.values() if obj["kind"] == "Deployment"]
    for one in deployments:
        _deployment(facts, one, found)
    for obj in facts.live.values():
        if obj["kind"] in ("Service", *SELECTORS):
            _selecting(facts, obj, deployments, found)
        elif obj["kind"] != "Deployment":
            _mark(facts, obj, {}, "", found)
        if obj["kind"] == "HorizontalPodAutoscaler":
            found.remarks.append(
                f"{describe(obj)} selects its pods by labels that later releases have as well: as long as "
                f"release {facts.release.id} is there, neither it nor theirs can scale (AmbiguousSelector). Delete it "
                "once the next release is current"
            )
    if found.refusals or found.waiting:
        return AdoptDecision(refusals=tuple(found.refusals), waiting=tuple(found.waiting))
    changes = sorted(found.changes, key=lambda change: _rank(change, facts.route))
    return AdoptDecision(tuple(changes), remarks=tuple(found.remarks))


# --- what forbids it ----------------------------------------------------------------------------------------


def _unfit(facts: AdoptFacts) -> Iterator[str]:
    release, status = facts.release, facts.release.status
    if not release.as_adopted:
        yield f"release {release.id} was made by `rainbow release`, not by `rainbow adopt`: its objects are its own"
    if status.phase in (Phase.DELETED, Phase.FAILED):
        yield f"release {release.id} is {status.phase}; adopt under another id"
    if release.spec.app.route.service is not None:
        yield (
            "with route.service the switched Service could not tell the pods that run from those of later releases; "
            "adopt the app with route.ingress"
        )


def _misrouted(facts: AdoptFacts) -> Iterator[str]:
    release, route = facts.release, facts.route
    adopted_before = facts.release.status.live_at is not None  # and users may be on a later release by now
    name = release.spec.app.route.entry.name
    if not route.exists:
        yield f"there is no route {name}, so nobody uses what runs: release the app instead"
    elif route.current not in (None, release.id) and not adopted_before:
        yield f"route {name} leads to release {route.current} already: the app has releases"
    elif route.current is None and not route.services & facts.carried:
        there = ", ".join(sorted(route.services)) or "no Service"
        yield f"route {name} leads to {there}, and the base has {', '.join(sorted(facts.carried))} behind it"


def _not_there(facts: AdoptFacts) -> Iterator[str]:
    release = facts.release
    for obj in facts.base:
        live = facts.live.get((obj["kind"], obj["metadata"]["name"]))
        if obj["kind"] in _UNSEEN:
            yield f"{describe(obj)}: only Deployments can be adopted; take it out of the base until the next release"
        elif live is None:
            yield f"{describe(obj)} is not there; adopt with the base that runs"
        else:
            labels = labels_of(live)
            owner = labels.get(APP_LABEL), labels.get(RELEASE_LABEL)
            if owner not in ((None, None), (release.app, release.id)):
                yield f"{describe(obj)} belongs to release {owner[1]} of app {owner[0]}"


# --- what has to be done ------------------------------------------------------------------------------------


def _deployment(facts: AdoptFacts, one: Running, found: _Found) -> None:
    adopted = one.obj["spec"].get("paused") and _is_marked(facts, one.obj)
    if not one.rolled_out or not (one.looked_at or adopted):
        status = one.obj.get("status") or {}
        counts = f"{status.get('updatedReplicas', 0)} of {status.get('replicas', 0)} pods are new"
        found.waiting.append(f"{describe(one.obj)} is being rolled out ({counts})")
    _mark(facts, one.obj, {"spec": {"paused": True}}, "is never rolled over again", found)
    labels = release_labels(facts.release.app, facts.release.id)
    for pod in one.pods:
        if not labels.items() <= labels_of(pod).items():
            found.changes.append(Change(pod, {"metadata": {"labels": labels}}, f"label {describe(pod)} as it runs"))


def _selecting(facts: AdoptFacts, obj: Object, deployments: Sequence[Running], found: _Found) -> None:
    if is_narrowed(obj) and _is_marked(facts, obj):
        return
    narrow = narrowed(obj, deployments, facts.pods, facts.release.app)
    if narrow.refusal:
        found.refusals.append(narrow.refusal)
    _mark(facts, obj, narrow.patch, narrow.means, found)


def _mark(facts: AdoptFacts, obj: Object, also: Object, means: str, found: _Found) -> None:
    """Label the object as the release's, and change it besides, unless all that is so already."""
    labels = release_labels(facts.release.app, facts.release.id)
    if _is_marked(facts, obj) and _holds(obj, also):
        return
    text = f"label {describe(obj)}" + (f"; from now on it {means}" if also else "")
    found.changes.append(Change(obj, {"metadata": {"labels": labels}, **also}, text))


def _rank(change: Change, route: RouteState) -> tuple[int, bool]:
    obj = change.obj
    # What the route leads to before the rest: from then on the route says that the release is current.
    return _ORDER.get(obj["kind"], len(_ORDER)), obj["metadata"]["name"] not in route.services


def _holds(obj: Any, wanted: Any) -> bool:
    """Whether an object has all that a merge patch would give it."""
    if isinstance(wanted, dict):
        return isinstance(obj, dict) and all(_holds(obj.get(key), value) for key, value in wanted.items())
    return bool(obj == wanted)


def _is_marked(facts: AdoptFacts, obj: Object) -> bool:
    return release_labels(facts.release.app, facts.release.id).items() <= labels_of(obj).items()
