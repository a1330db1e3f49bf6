"""What goes when Rainbow is taken out of a namespace, and what stops that. Releases stay, whatever is wanted.

Nothing that carries the labels of an app or a release is ever in the plan, nor a route, a record or a policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.release import Phase

Object = dict[str, Any]

# What starts work first, then what work is started from, then what it runs with.
_ORDER = (
    "CronWorkflow",
    "WorkflowTemplate",
    "RoleBinding",
    "Role",
    "ServiceAccount",
    "ConfigMap",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
)
_BEFORE_LIVE = (Phase.PENDING, Phase.TESTING, Phase.READY)
# What people call on its own, and what moves a route or changes a schema, whatever the phase of the release.
MOVING = frozenset({"switch", "rollback", "adopt", "contract"})
_SHOWN = 5


@dataclass(frozen=True)
class Recorded:
    """A release by its record."""

    app: str
    id: str
    phase: Phase

    @property
    def stays(self) -> bool:
        """Whether anything of it runs."""
        return self.phase not in (Phase.DELETED, Phase.FAILED)

    def __str__(self) -> str:
        return f"{self.app} {self.id} ({self.phase})"


@dataclass(frozen=True)
class Running:
    """A workflow that is at work with what was installed; the release that it is about, if it is about one.

    `moves`: it refers to one of `MOVING`.
    """

    name: str
    app: str = ""
    release: str = ""
    moves: bool = False


@dataclass(frozen=True)
class Facts:
    """What was read. `objects`: what bears the mark of `install`; `elsewhere`: what of other namespaces needs the CRDs.

    `collects`: other namespaces whose garbage is collected from here.
    """

    namespace: str
    objects: Sequence[Object]
    releases: Sequence[Recorded] = ()
    running: Sequence[Running] = ()
    elsewhere: Sequence[str] = ()
    kept_here: Sequence[str] = ()
    collects: Sequence[str] = ()


@dataclass(frozen=True)
class Wish:
    """What was said about what stands in the way."""

    leave_releases: bool = False
    stop_workflows: bool = False
    crds: bool = False


@dataclass(frozen=True)
class Plan:
    """Either refusals, or what is stopped, what is removed, in this order, and what else one should know."""

    refusals: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    remove: tuple[Object, ...] = ()
    remarks: tuple[str, ...] = ()


def plan_uninstall(facts: Facts, wish: Wish) -> Plan:
    """The plan. Without anything to remove it is empty: somebody has done it before."""
    if refusals := tuple(_refusals(facts, wish)):
        return Plan(refusals)
    ours = [obj for obj in facts.objects if _is_ours(obj)]
    order = sorted(ours, key=lambda obj: (_ORDER.index(obj["kind"]), obj["metadata"]["name"]))
    return Plan((), tuple(workflow.name for workflow in facts.running), tuple(order), tuple(_remarks(facts, wish)))


def _is_ours(obj: Object) -> bool:
    labels = obj["metadata"].get("labels") or {}
    return obj["kind"] in _ORDER and APP_LABEL not in labels and RELEASE_LABEL not in labels


def _refusals(facts: Facts, wish: Wish) -> Iterator[str]:
    staying = [release for release in facts.releases if release.stays]
    if staying and not wish.leave_releases:
        yield (
            f"releases are there: {_some(staying)}. They would go on serving as they are, and nobody would switch, "
            "drain or delete them any more; to have it so: --leave-releases"
        )
    phases = {(release.app, release.id): release.phase for release in facts.releases}
    moving = [w for w in facts.running if w.moves or phases.get((w.app, w.release)) in _BEFORE_LIVE]
    if moving:
        yield (
            f"releases are being made or switched by {_some([w.name for w in moving])}, and may move a route at any "
            f"moment; wait for their end, or end them yourself: argo stop -n {facts.namespace} NAME"
        )
    elif facts.running and not wish.stop_workflows:
        yield (
            f"workflows are at work: {_some([w.name for w in facts.running])}. Wait for their end, or have them "
            "stopped: --stop-workflows"
        )
    if wish.crds and facts.kept_here:
        yield (
            f"--crds: namespace {facts.namespace} still has {_some(facts.kept_here)}, which would go with their "
            "definition; remove them first, or leave --crds out"
        )
    if wish.crds and facts.elsewhere:
        yield f"--crds: the definitions are in use elsewhere: {_some(facts.elsewhere)}; leave --crds out"


def _remarks(facts: Facts, wish: Wish) -> Iterator[str]:
    staying = [release for release in facts.releases if release.stays]
    if staying:
        yield f"stays as it is, with its route, its objects and its record: {_some(staying)}"
    if gone := len(facts.releases) - len(staying):
        yield f"stay as history: {gone} records of releases that are deleted or failed"
    if facts.collects:
        yield f"nobody collects garbage any more in {_some(facts.collects)}; install Rainbow there anew"
    if not wish.crds:
        yield "stay, as they belong to the whole cluster: the definitions of Release and Policy, and their guards"


def _some(found: Sequence[object]) -> str:
    shown = ", ".join(map(str, found[:_SHOWN]))
    return f"{shown} and {len(found) - _SHOWN} more" if len(found) > _SHOWN else shown
