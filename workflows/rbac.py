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


def access(namespace: str, together: Sequence[str] = (), pull_secrets: Sequence[str] = ()) -> list[Object]:
    """ServiceAccount, Role and RoleBinding of each step.

    `pull_secrets`: what the images of the steps' pods are pulled with (Kubernetes, "Add ImagePullSecrets to a service
    account").
    `together`: namespaces in which the ServiceAccount of the first one collects garbage; it gets the Role of that step
    in each of them, and no right of the whole cluster.
    """
    objects = [obj for step in STEPS for obj in _access(step, namespace, pull_secrets)]
    if namespace in together and namespace != together[0]:
        name = service_account("collect-garbage")
        binding = next(o for o in objects if o["kind"] == "RoleBinding" and o["metadata"]["name"] == name)
        binding["subjects"].append({"kind": "ServiceAccount", "name": name, "namespace": together[0]})
    return objects


def rules(step: str) -> list[Object]:
    """What the step itself may do: its own RULES; and who writes on a record tells it as an event."""
    own = [dict(rule) for rule in load(step).RULES]
    return [*own, TELLING] if any("releases/status" in rule["resources"] for rule in own) else own


def _access(step: str, namespace: str, pull_secrets: Sequence[str]) -> list[Object]:
    pulling = {"imagePullSecrets": [{"name": name} for name in pull_secrets]} if pull_secrets else {}
    account, *rest = account_with(service_account(step), namespace, [*rules(step), _EXECUTOR])
    return [account | pulling, *rest]


def account_with(name: str, namespace: str, rules: Sequence[Object]) -> list[Object]:
    """A ServiceAccount that may do this in its own namespace, and nothing else."""
    meta = {"name": name, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": meta,
            "rules": list(rules),
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]
