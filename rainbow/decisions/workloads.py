"""The workloads of an app's base, and what else in the base is about their pods, as far as checks need it.

Workloads that take part in a release are those that run until they are told to end; a Job ends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rainbow.decisions.findings import Path
from rainbow.decisions.rendering import POD_SPEC, pod_spec
from rainbow.decisions.rolling import split
from rainbow.model.app import AppConfig

Object = dict[str, Any]

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
GRACE = 30  # seconds, when the pod does not say (Kubernetes, "Pod Lifecycle")


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet. `replicas`: the least there may be; None for one on each node."""

    obj: Object
    replicas: int | None

    @property
    def pod(self) -> Object:
        """The specification of its pods."""
        return pod_spec(self.obj) or {}

    @property
    def path(self) -> Path:
        """Where that stands."""
        return POD_SPEC[self.obj["kind"]]

    @property
    def containers(self) -> list[Object]:
        """Its containers, in their order."""
        return [container for container in self.pod.get("containers") or [] if isinstance(container, dict)]

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return template_labels(self.obj)

    @property
    def selector(self) -> Object:
        """Its own selector."""
        found: Object = spec_of(self.obj).get("selector") or {}
        return found

    @property
    def grace(self) -> int:
        """Seconds between being told to end and being killed."""
        given = self.pod.get("terminationGracePeriodSeconds")
        return GRACE if given is None else int(given)


@dataclass(frozen=True)
class Opening:
    """A port by which a Service leads to a container; `sure`: the container says that the port is its own."""

    service: Object
    container: int
    port: int | str
    protocol: str
    sure: bool


@dataclass(frozen=True)
class Base:
    """The base of an app. `images`: image name → reference, of those that are given."""

    app: AppConfig
    objects: Sequence[Object]
    images: Mapping[str, str] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> list[Object]:
        """Its objects of these kinds."""
        return [obj for obj in self.objects if obj["kind"] in kinds]

    @cached_property
    def workloads(self) -> list[Workload]:
        """Those that take part."""
        return [Workload(obj, self._least(obj)) for obj in self.of_kind(*KINDS)]

    @cached_property
    def _rolled(self) -> set[int]:
        return {id(obj) for obj in split(self.app, self.objects)[1]}

    def is_rolled(self, obj: Object) -> bool:
        """Whether it is updated in place, under its plain name and with selectors as they are (F2)."""
        return id(obj) in self._rolled

    def autoscaler(self, obj: Object) -> Object | None:
        """The HorizontalPodAutoscaler of a workload."""
        return next((hpa for hpa in self.of_kind("HorizontalPodAutoscaler") if _scales(hpa, obj)), None)

    def services(self, workload: Workload) -> list[Object]:
        """The Services that lead to its pods."""
        return [s for s in self.of_kind("Service") if (of := service_selector(s)) and fits(of, workload.labels)]

    def budgets(self, workload: Workload) -> list[Object]:
        """The PodDisruptionBudgets about its pods."""
        found = self.of_kind("PodDisruptionBudget")
        return [budget for budget in found if selects(spec_of(budget).get("selector"), workload.labels)]

    def serves(self, workload: Workload) -> bool:
        """Whether anybody sends it requests."""
        return bool(self.services(workload))

    def openings(self, workload: Workload) -> list[Opening]:
        """By which ports of which containers. A port that no container names is taken for one of the first."""
        return [
            opening
            for service in self.services(workload)
            for port in spec_of(service).get("ports") or []
            if (opening := _opening(workload, service, port)) is not None
        ]

    def _least(self, obj: Object) -> int | None:
        if obj["kind"] == "DaemonSet":
            return None
        hpa = self.autoscaler(obj)
        given = spec_of(obj).get("replicas") if hpa is None else spec_of(hpa).get("minReplicas")
        return 1 if given is None else int(given)


def spec_of(obj: Object) -> Object:
    """Its spec; empty when it has none."""
    found: Object = obj.get("spec") or {}
    return found


def template_labels(obj: Object) -> dict[str, str]:
    """The labels of the pods of a workload or Job; none for anything else."""
    if obj["kind"] not in POD_SPEC:
        return {}
    found: Any = obj
    for key in POD_SPEC[obj["kind"]][:-1]:
        found = found.get(key) or {}
    labels: dict[str, str] = (found.get("metadata") or {}).get("labels") or {}
    return labels


def service_selector(service: Object) -> dict[str, str]:
    """The selector of a Service; empty for one whose endpoints come from elsewhere."""
    selector: dict[str, str] = spec_of(service).get("selector") or {}
    return selector


def fits(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether the labels are there."""
    return wanted.items() <= labels.items()


def selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector selects what has these labels; an empty one selects everything, none at all nothing."""
    if selector is None:
        return False
    expressions = selector.get("matchExpressions") or []
    return fits(selector.get("matchLabels") or {}, labels) and all(_holds(each, labels) for each in expressions)


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key"), expression.get("values") or []
    match expression.get("operator"):
        case "In":
            return labels.get(str(key)) in values
        case "NotIn":
            return labels.get(str(key)) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _scales(hpa: Object, obj: Object) -> bool:
    target = spec_of(hpa).get("scaleTargetRef") or {}
    return (target.get("kind"), target.get("name")) == (obj["kind"], obj["metadata"]["name"])


def _opening(workload: Workload, service: Object, port: Object) -> Opening | None:
    target: int | str = port["targetPort"] if port.get("targetPort") else port.get("port", 0)
    protocol: str = port.get("protocol") or "TCP"
    for at, container in enumerate(workload.containers):
        for own in container.get("ports") or []:
            if target in (own.get("name"), own.get("containerPort")):
                return Opening(service, at, target, protocol, sure=True)
    if isinstance(target, str) or not workload.containers:
        return None  # a name that nobody has leads nowhere
    return Opening(service, 0, target, protocol, sure=False)
