"""What the rules read is of the kind that Kubernetes has there: a list where a list belongs, a number, a text.

Only that is looked at; the API server knows the rest. Objects in which something else stands are asked nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rainbow.decisions.findings import Finding, Findings, Path, Severity
from rainbow.decisions.rendering import POD_SPEC
from rainbow.decisions.workloads import Base, Object

_PERCENT = re.compile(r"[0-9]+%")


@dataclass(frozen=True)
class _Value:
    """Something without parts."""

    called: str
    kinds: tuple[type, ...]
    pattern: re.Pattern[str] | None = None

    def fits(self, value: Any) -> bool:
        if isinstance(value, bool) and bool not in self.kinds:
            return False
        told = not isinstance(value, str) or self.pattern is None or self.pattern.fullmatch(value) is not None
        return isinstance(value, self.kinds) and told


_TEXT = _Value("a text (in quotes, if it looks like a number)", (str,))
_NUMBER = _Value("a number", (int,))
_FLAG = _Value("true or false", (bool,))
_COUNT = _Value("a number or a percentage", (int, str), _PERCENT)
_PORT = _Value("a number or the name of a port", (int, str))
_ANY = _Value("a value", (object,))
_TEXTS = {"*": _TEXT}  # keys of any name

_EXPRESSION = {"key": _TEXT, "operator": _TEXT, "values": [_TEXT]}
_SELECTOR = {"matchLabels": _TEXTS, "matchExpressions": [_EXPRESSION]}
_HANDLERS = {asked: {"port": _PORT, "*": _ANY} for asked in ("httpGet", "tcpSocket", "grpc")} | {
    "exec": {"command": [_ANY]}
}
_PROBE = _HANDLERS | {"periodSeconds": _NUMBER, "failureThreshold": _NUMBER}
_HOOK = _HANDLERS | {"sleep": {"seconds": _NUMBER}}
_CONTAINER = {
    "name!": _TEXT,
    "image": _TEXT,
    "command": [_ANY],
    "args": [_ANY],
    "ports": [{"name": _TEXT, "containerPort": _NUMBER, "hostPort": _NUMBER}],
    "lifecycle": {"preStop": _HOOK},
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
}
_POD = {
    "terminationGracePeriodSeconds": _NUMBER,
    "hostNetwork": _FLAG,
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [{"persistentVolumeClaim": {"claimName!": _TEXT}, "hostPath": {"path": _TEXT}}],
}
_TEMPLATE = {"metadata": {"labels": _TEXTS}, "spec": _POD}
_WORKLOAD = {
    "replicas": _NUMBER,
    "selector": _SELECTOR,
    "strategy": {"type": _TEXT, "rollingUpdate": {"maxUnavailable": _COUNT}},
    "template": _TEMPLATE,
    "jobTemplate": {"spec": {"template": _TEMPLATE}},
}
_PEERS = [{"podSelector": _SELECTOR, "namespaceSelector": _SELECTOR}]
_BACKEND = {"service": {"name!": _TEXT, "port": {"number": _NUMBER, "name": _TEXT}}}
_REF = {"group": _TEXT, "kind": _TEXT, "name!": _TEXT, "namespace": _TEXT, "port": _NUMBER, "weight": _NUMBER}
_FILTER = {"requestMirror": {"backendRef": _REF}}
_MATCH = {"path": {"type": _TEXT, "value": _TEXT}}
_SPECS: dict[str, Any] = dict.fromkeys(POD_SPEC, _WORKLOAD) | {
    "Service": {
        "selector": _TEXTS,
        "type": _TEXT,
        "internalTrafficPolicy": _TEXT,
        "externalTrafficPolicy": _TEXT,
        "clusterIP": _TEXT,
        "externalIPs": [_TEXT],
        "publishNotReadyAddresses": _FLAG,
        "ports": [{"port": _NUMBER, "targetPort": _PORT, "protocol": _TEXT}],
    },
    "PodDisruptionBudget": {"selector": _SELECTOR, "minAvailable": _COUNT, "maxUnavailable": _COUNT},
    "HorizontalPodAutoscaler": {"scaleTargetRef": {"kind": _TEXT, "name": _TEXT}, "minReplicas": _NUMBER},
    "Ingress": {
        "ingressClassName": _TEXT,
        "defaultBackend": _BACKEND,
        "rules": [{"host": _TEXT, "http": {"paths": [{"path": _TEXT, "pathType": _TEXT, "backend": _BACKEND}]}}],
    },
    "HTTPRoute": {
        "parentRefs": [{"name!": _TEXT, "sectionName": _TEXT}],
        "hostnames": [_TEXT],
        "rules": [
            {"matches": [_MATCH], "filters": [_FILTER], "backendRefs": [{"filters": [_FILTER], **_REF}]},
        ],
    },
    "PersistentVolumeClaim": {"accessModes": [_TEXT]},
    "NetworkPolicy": {"podSelector": _SELECTOR, "ingress": [{"from": _PEERS}], "egress": [{"to": _PEERS}]},
}
_META = {"name": _TEXT, "namespace": _TEXT, "labels": _TEXTS, "annotations": _TEXTS}


def check(base: Base) -> Findings:
    """One finding for each place."""
    for obj, path, expected in misshapen(base.objects):
        yield Finding(
            Severity.ERROR,
            obj,
            path,
            f"expected {expected} here: Kubernetes would refuse it when the release is deployed",
            f"write {expected}",
        )


def misshapen(objects: Iterable[Object]) -> Iterator[tuple[Object, Path, str]]:
    """Each place of an object at which something else stands than is read there, and what is expected."""
    for obj in objects:
        shape = {"metadata": _META} | ({"spec": _SPECS[obj["kind"]]} if obj["kind"] in _SPECS else {})
        yield from ((obj, path, expected) for path, expected in _misshapen(obj, shape, ()))


def _misshapen(value: Any, shape: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """What is left out, or empty, is as it should be."""
    if value is None:
        return
    if isinstance(shape, _Value):
        if not shape.fits(value):
            yield path, shape.called
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield path, "a list"
            return
        for at, item in enumerate(value):
            if item is None and not isinstance(shape[0], _Value):
                yield (*path, at), "keys and values"
            yield from _misshapen(item, shape[0], (*path, at))
    elif not isinstance(value, dict):
        yield path, "keys and values"
    else:
        yield from _parts(value, shape, path)


def _parts(value: dict[Any, Any], shape: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for key, part in shape.items():
        name = key.removesuffix("!")
        if key.endswith("!") and value.get(name) is None:
            yield (*path, name), part.called
        elif key == "*":
            for each, found in value.items():
                yield from _misshapen(found, part, (*path, str(each)))
        else:
            yield from _misshapen(value.get(name), part, (*path, name))
