"""Look at what Rainbow needs of a cluster, for the checks of `rainbow install`. Nothing is changed.

Whoever installs may have few rights: what is refused is not known, and the look goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from rainbow.adapters.controllers import find_controllers
from rainbow.adapters.kube import APPLY_PATCH, Forbidden, Kind, Kube, NotThere, Object, identity
from rainbow.adapters.prometheus_reach import reach
from rainbow.decisions.suitability import ADMISSION, ARGO, GATEWAY, IN_CLUSTER, IN_NAMESPACE, OURS
from rainbow.decisions.surroundings import Asked, Surroundings
from rainbow.errors import PermanentError
from rainbow.model.names import FIELD_MANAGER

_NAMESPACE = Kind("v1", "Namespace")
_SECRET = Kind("v1", "Secret")
_INGRESS_CLASS = Kind("networking.k8s.io/v1", "IngressClass")
_GATEWAY_CLASS = Kind(GATEWAY, "GatewayClass")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SHOWN = 3
T = TypeVar("T")


def look_around(kube: Kube, asked: Asked, objects: Sequence[Object] | None) -> Surroundings:
    """One look. `objects`: what is to be written into the namespace, tried without effect where that is there.

    None: rights are not looked at, as all is about to be written anyway.
    """
    kube = replace(kube, attempts=1)  # who may not now may not in a second either
    served = {version: _kinds(kube, version) for version in (ARGO, OURS, ADMISSION, GATEWAY)}
    exists, labels = _namespace(kube, asked.namespace)
    said, missing = reach(kube, asked.prometheus) if asked.prometheus else (None, False)
    return Surroundings(
        version=_allowed(lambda: str(json.loads(kube.request("GET", "/version")).get("gitVersion", ""))),
        served=served,
        controllers=find_controllers(kube, asked.namespace),
        ingress_classes=_allowed(lambda: _names(kube, _INGRESS_CLASS)),
        gateway_classes=_allowed(lambda: _names(kube, _GATEWAY_CLASS)) if served[GATEWAY] else (),
        exists=exists,
        labels=labels,
        secrets={name: _allowed(lambda n=name: _has_secret(kube, asked.namespace, n)) for name in asked.secrets},  # type: ignore[misc]
        prometheus=said,
        prometheus_missing=missing,
        allowed={} if objects is None else dict(_rights(kube, asked.namespace)),
        refused=None if objects is None or exists is False or not served[ARGO] else _refused(kube, objects),
    )


def _allowed(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except Forbidden:
        return None


def _kinds(kube: Kube, version: str) -> frozenset[str]:
    try:
        found = json.loads(kube.request("GET", f"/apis/{version}"))["resources"]
    except NotThere:
        return frozenset()
    return frozenset(resource["kind"] for resource in found)


def _names(kube: Kube, kind: Kind) -> tuple[str, ...]:
    return tuple(obj["metadata"]["name"] for obj in kube.list(kind, None, brief=True))


def _namespace(kube: Kube, name: str) -> tuple[bool | None, dict[str, str] | None]:
    try:
        found = kube.get(_NAMESPACE, None, name)
    except Forbidden:
        return None, None
    return found is not None, (found or {"metadata": {}})["metadata"].get("labels") or {}


def _has_secret(kube: Kube, namespace: str, name: str) -> bool:
    return bool(kube.list(_SECRET, namespace, fields=f"metadata.name={name}", brief=True))  # not what is in it


def _rights(kube: Kube, namespace: str) -> Iterator[tuple[str, bool | None]]:
    """Whether server-side apply may make and change objects of a resource."""
    for right in (*IN_NAMESPACE, *IN_CLUSTER):
        resource, _, group = right.partition(".")
        about: dict[str, Any] = {"group": group, "resource": resource}
        about |= {} if right in IN_CLUSTER else {"namespace": namespace}
        answers = [_may(kube, about | {"verb": verb}) for verb in ("create", "patch")]
        yield right, None if None in answers else all(answers)


def _may(kube: Kube, about: dict[str, Any]) -> bool | None:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": about},
    }
    answer = _allowed(lambda: json.loads(kube.request("POST", _REVIEWS, body=review)))
    return None if answer is None else bool(answer["status"].get("allowed"))


def _refused(kube: Kube, objects: Sequence[Object]) -> tuple[str, ...] | None:
    """What the API server would not take from this person, a Role that gives more than they have above all.

    None where that cannot be tried: the namespace is not there, or a webhook does not let anything be tried.
    """
    found: list[str] = []
    for obj in objects:
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "dryRun": "All"}
        try:
            kube.request("PATCH", kube.path(*identity(obj)), query=query, body=obj, content_type=APPLY_PATCH)
        except NotThere:
            return None
        except Forbidden as error:
            found.append(f"{obj['kind']} {obj['metadata']['name']}: {str(error).partition(': ')[2][:200]}")
        except PermanentError as error:
            if "does not support dry run" in str(error):
                return None
            found.append(f"{obj['kind']} {obj['metadata']['name']}: {str(error)[:200]}")
        if len(found) == _SHOWN:
            break
    return tuple(found)
