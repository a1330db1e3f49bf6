"""Argo workflows through the Kubernetes API alone: no argo-server is needed to submit, follow or stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rainbow.adapters.kube import WORKFLOW, Kube
from rainbow.errors import BadInput
from rainbow.model.names import release_labels

# Set by argo-server when a template is submitted from the UI; its list of a template's runs filters on it.
_TEMPLATE_LABEL = "workflows.argoproj.io/workflow-template"


def workflow_name(app: str, release: str) -> str:
    """One workflow for each release: submitting it twice is a conflict, not a second run."""
    return f"release-{app}-{release}"


def workflow_object(
    template: str, namespace: str, app: str, release: str, arguments: Mapping[str, str]
) -> dict[str, Any]:
    """A Workflow that runs the installed template."""
    return {
        "apiVersion": WORKFLOW.api_version,
        "kind": WORKFLOW.kind,
        "metadata": {
            "name": workflow_name(app, release),
            "namespace": namespace,
            "labels": {**release_labels(app, release), _TEMPLATE_LABEL: template},
        },
        "spec": {
            "workflowTemplateRef": {"name": template},
            "arguments": {"parameters": [{"name": key, "value": value} for key, value in arguments.items()]},
        },
    }


def read_workflow(kube: Kube, namespace: str, app: str, release: str) -> dict[str, Any]:
    """The workflow of a release. Raises BadInput when there is none (any more)."""
    name = workflow_name(app, release)
    workflow = kube.get(WORKFLOW, namespace, name)
    if workflow is None:
        raise BadInput(
            f"no workflow {name} in namespace {namespace}: it was never submitted, or its time to live is over; "
            f"see the record: kubectl get releases.rainbow.dev -n {namespace}"
        )
    return workflow
