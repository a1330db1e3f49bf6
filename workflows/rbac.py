"""One ServiceAccount for each step, with the rights that the step's own `RULES` list, and no more."""

from __future__ import annotations

from typing import Any

from steps import STEPS, load
from workflows.step_template import service_account

Object = dict[str, Any]

# Argo's executor reports the outputs of a pod in this resource, as the pod's own ServiceAccount
# (Argo Workflows, "Workflow RBAC").
_EXECUTOR = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}


def access(namespace: str) -> list[Object]:
    """ServiceAccount, Role and RoleBinding of each step."""
    return [obj for step in STEPS for obj in _access(step, namespace)]


def _access(step: str, namespace: str) -> list[Object]:
    name = service_account(step)
    meta = {"name": name, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": meta,
            "rules": [*load(step).RULES, _EXECUTOR],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]
