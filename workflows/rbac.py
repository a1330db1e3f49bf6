"""One ServiceAccount for each step, with the rights that the step's own `RULES` list, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rainbow.adapters.events import TELLING
from steps import STEPS, load
from workflows.step_template import service_account

Object = dict[str, Any]

# Argo's executor reports the outputs of a pod in this resource, as the pod's own ServiceAccount
# (Argo Workflows, "Workflow RBAC").
_EXECUTOR = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}


def access(namespace: str, together: Sequence[str] = ()) -> list[Object]:
    """ServiceAccount, Role and RoleBinding of each step.

    `together`: namespaces in which the ServiceAccount of the first one collects garbage; it gets the Role of that step
    in each of them, and no right of the whole cluster.
    """
    objects = [obj for step in STEPS for obj in _access(step, namespace)]
    if namespace in together and namespace != together[0]:
        name = service_account("collect-garbage")
        binding = next(o for o in objects if o["kind"] == "RoleBinding" and o["metadata"]["name"] == name)
        binding["subjects"].append({"kind": "ServiceAccount", "name": name, "namespace": together[0]})
    return objects


def rules(step: str) -> list[Object]:
    """What the step itself may do: its own RULES; and who writes on a record tells it as an event."""
    own = [dict(rule) for rule in load(step).RULES]
    return [*own, TELLING] if any("releases/status" in rule["resources"] for rule in own) else own


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
            "rules": [*rules(step), _EXECUTOR],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]
