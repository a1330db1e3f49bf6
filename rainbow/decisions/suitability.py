"""What was seen of a cluster, judged: for each thing that Rainbow needs whether it is fine, missing, or not known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rainbow.decisions.surroundings import Asked, Controller, Surroundings

ARGO = "argoproj.io/v1alpha1"
OURS = "rainbow.dev/v1alpha1"
ADMISSION = "admissionregistration.k8s.io/v1"
GATEWAY = "gateway.networking.k8s.io/v1"
ARGO_KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow", "WorkflowTaskResult")
OLDEST_KUBERNETES, OLDEST_ARGO, NEWEST_ARGO = (1, 29), (3, 6), 4
ENFORCE = "pod-security.kubernetes.io/enforce"
# The rights of whoever installs. Those of the whole cluster are needed once, and may be somebody else's.
IN_NAMESPACE = (
    "serviceaccounts",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "configmaps",
    "workflowtemplates.argoproj.io",
    "cronworkflows.argoproj.io",
)
IN_CLUSTER = (
    "customresourcedefinitions.apiextensions.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
)


class State(StrEnum):
    """What a check comes to."""

    FINE = "fine"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """The state, and what was found."""

    state: State
    found: str


def parse_version(text: str | None) -> tuple[int, ...] | None:
    """Major and minor version at the beginning of a text such as v3.7.18 or 1.31+; None when there is none."""
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})", text or "")
    return (int(found[1]), int(found[2])) if found else None


def _fine(found: str) -> Verdict:
    return Verdict(State.FINE, found)


def _missing(found: str) -> Verdict:
    return Verdict(State.MISSING, found)


def _unknown(found: str) -> Verdict:
    return Verdict(State.UNKNOWN, found)


def kubernetes(seen: Surroundings, _: Asked) -> Verdict:
    """The version of the API server."""
    version = parse_version(seen.version)
    if version is None:
        return _unknown(f"it says {seen.version!r}" if seen.version else "the API server does not say its version")
    return (_fine if version >= OLDEST_KUBERNETES else _missing)(str(seen.version))


def argo(seen: Surroundings, _: Asked) -> Verdict:
    """Whether the kinds of Argo are there."""
    absent = [kind for kind in ARGO_KINDS if not seen.serves(ARGO, kind)]
    return _missing(f"{ARGO} has no {', '.join(absent)}") if absent else _fine(f"{ARGO} is served")


def argo_version(seen: Surroundings, asked: Asked) -> Verdict | None:
    """The version of the controllers that watch the namespace."""
    if (ours := _watching(seen, asked)) is None:
        return _unknown("no controller was found that could be asked")
    said = {c.version for c in ours}
    versions = [parse_version(text) for text in said]
    shown = ", ".join(sorted(text or "no version" for text in said))
    if any(version is not None and not OLDEST_ARGO <= version < (NEWEST_ARGO + 1,) for version in versions):
        return _missing(shown)
    return _fine(shown) if None not in versions else _unknown(f"image and labels of the controller say {shown}")


def _watching(seen: Surroundings, asked: Asked) -> list[Controller] | None:
    """The controllers that watch the namespace; None when none is known of."""
    return [c for c in seen.controllers or () if c.watches in (None, asked.namespace)] or None


def controller(seen: Surroundings, asked: Asked) -> Verdict:
    """Whether a controller watches the namespace, and is ready."""
    if seen.controllers is None:
        return _unknown("pods of other namespaces may not be read by you")
    if not seen.controllers:
        return _unknown("no pod looks like a workflow controller")
    watching = _watching(seen, asked)
    if watching is None:
        others = ", ".join(f"{c.namespace}/{c.name} watches {c.watches}" for c in seen.controllers)
        return _missing(f"none watches namespace {asked.namespace}: {others}")
    shown = ", ".join(f"{c.namespace}/{c.name}" for c in watching)
    if not any(c.ready for c in watching):
        return _missing(f"{shown} is not ready")
    return _fine(f"{shown} watches namespace {asked.namespace}")


def instance(seen: Surroundings, asked: Asked) -> Verdict | None:
    """Whether that controller takes the workflows of this installation."""
    if (watching := _watching(seen, asked)) is None:
        return None
    ids = [c.instance_id for c in watching]
    if "" in ids:
        return _unknown("the settings of the controller may not be read by you")
    if asked.instance_id in ids:
        return _fine(f"instanceID {asked.instance_id}" if asked.instance_id else "the controller has no instanceID")
    ours = f"argo_instance_id {asked.instance_id}" if asked.instance_id else "no argo_instance_id"
    return _missing(f"the controller has instanceID {', '.join(i or 'none' for i in ids)}, the settings {ours}")


def records(seen: Surroundings, _: Asked) -> Verdict:
    """Whether releases can be recorded."""
    if seen.serves(OURS, "Release") and seen.serves(OURS, "Policy"):
        return _fine(f"{OURS} is served")
    lacking = [right for right in IN_CLUSTER[:1] if seen.allowed.get(right) is not True]
    if not lacking:
        return _fine("not there yet; install brings them, your rights suffice")
    unknown = all(seen.allowed.get(right) is None for right in lacking)
    return (_unknown if unknown else _missing)(f"{OURS} is not served, and you may not write {', '.join(lacking)}")


def guard(seen: Surroundings, _: Asked) -> Verdict:
    """Whether admission policies can be made."""
    if not seen.serves(ADMISSION, "ValidatingAdmissionPolicy"):
        return _missing(f"{ADMISSION} has no ValidatingAdmissionPolicy")
    return _fine("ValidatingAdmissionPolicy is served")


def rights(seen: Surroundings, asked: Asked) -> Verdict:
    """Whether the person may write what belongs into the namespace."""
    lacking = [right for right in IN_NAMESPACE if seen.allowed.get(right) is False]
    if lacking:
        return _missing(f"in namespace {asked.namespace} you may not write {', '.join(lacking)}")
    if seen.refused:
        return _missing(f"not accepted from you, when tried without effect: {'; '.join(seen.refused)}")
    if seen.refused is None or any(seen.allowed.get(right) is None for right in IN_NAMESPACE):
        return _unknown("not all could be tried" + ("; the namespace is not there yet" if seen.exists is False else ""))
    return _fine(f"you may write all that belongs into namespace {asked.namespace}")


def proxy(seen: Surroundings, asked: Asked) -> Verdict:
    """Whether something carries routes of the kind that is meant."""
    gateway = seen.serves(GATEWAY, "HTTPRoute")
    if asked.route == "httpRoute" and not gateway:
        return _missing(f"{GATEWAY} has no HTTPRoute, which rainbow.yaml routes by")
    kinds = {"ingress": False, "service": False, "httpRoute": True}
    wanted = [kinds[asked.route]] if asked.route else [False, True]
    found, unread = [], False
    for by_gateway in wanted:
        classes = seen.gateway_classes if by_gateway else seen.ingress_classes
        if by_gateway and not gateway:
            continue
        unread |= classes is None
        found += [f"{'GatewayClass' if by_gateway else 'IngressClass'} {name}" for name in classes or ()]
    if found:
        return _fine(", ".join(found))
    return _unknown("classes may not be read by you") if unread else _missing("no IngressClass and no GatewayClass")


def metrics(seen: Surroundings, asked: Asked) -> Verdict | None:
    """Whether Prometheus answers."""
    if asked.prometheus is None:
        return _unknown("not asked: say -f rainbow.yaml, which names its address")
    if seen.prometheus == "":
        return _fine(f"{asked.prometheus} answers")
    said = f"{asked.prometheus}: {seen.prometheus or 'not asked'}"
    return _missing(said) if seen.prometheus_missing else _unknown(said)


def builder(seen: Surroundings, asked: Asked) -> Verdict | None:
    """Whether the pod of the build step is let in."""
    if not asked.builds:
        return None
    if seen.labels is None:
        return _unknown("the labels of the namespace may not be read by you") if seen.exists else None
    level = seen.labels.get(ENFORCE, "privileged")
    return (_fine if level == "privileged" else _missing)(f"namespace {asked.namespace} enforces {level}")


def secrets(seen: Surroundings, asked: Asked) -> Verdict | None:
    """Whether the Secrets are there that the settings name."""
    if not asked.secrets:
        return None
    absent = [f"{name} ({what})" for name, what in asked.secrets.items() if seen.secrets.get(name) is False]
    if absent:
        return _missing(f"namespace {asked.namespace} has no Secret {', '.join(absent)}")
    unread = [name for name in asked.secrets if seen.secrets.get(name) is None]
    return _unknown(f"Secret {', '.join(unread)} may not be read by you") if unread else _fine(", ".join(asked.secrets))
