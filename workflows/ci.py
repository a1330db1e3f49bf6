"""The identity of CI: who may submit a release, plan one and follow it, and nothing else (A2).

Whoever may create workflows may run any pod as any ServiceAccount of the namespace. So an admission policy, installed
once in the cluster (manifests/ci-guard.yaml), lets this one run the installed templates only.
"""

from __future__ import annotations

from typing import Any

from rainbow.adapters.belongings import DELETABLE
from rainbow.adapters.drain import LOOKING
from rainbow.adapters.routes.gateway import LISTING
from workflows.rbac import account_with

Object = dict[str, Any]

ACCOUNT = "rainbow-ci"  # the guard knows it by this name
GUARD = "ci.rainbow.dev"
READING = ["get", "list"]

RULES: list[Object] = [
    # whether Rainbow is installed, and which controller runs its workflows
    {"apiGroups": ["argoproj.io"], "resources": ["workflowtemplates"], "verbs": ["get"]},
    # submitting and following
    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", *READING]},
    # the record of the release, never one that is there already
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["create", *READING]},
    # what operators have decided for the app
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": READING},
    # the packed sources of a release without images; and whether those of a submission that was cut are there
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get"]},
    # what a step that failed has printed
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    # a plan: which release is current, what each consists of, what still refers to it and whether it is at work
    *({**rule, "verbs": READING} for rule in DELETABLE),
    *LISTING,
    *LOOKING,
]


def ci_access(namespace: str) -> list[Object]:
    """ServiceAccount, Role and RoleBinding."""
    return account_with(ACCOUNT, namespace, RULES)
