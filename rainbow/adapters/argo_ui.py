"""Where a workflow is seen in the Argo UI: known to the namespace by the setting `argo_ui` of its installation.

The record of a release and its workflow name each other: the record by annotations, the workflow by its labels.
"""

from __future__ import annotations

from contextlib import suppress

from rainbow.adapters.kube import RELEASE, Kind, Kube
from rainbow.errors import RainbowError
from rainbow.model.names import ARGO_UI, WORKFLOW_NAME, WORKFLOW_URL

_TEMPLATE = Kind("argoproj.io/v1alpha1", "WorkflowTemplate")


def named_on_record(kube: Kube, namespace: str, template: str, workflow: str) -> dict[str, str]:
    """The annotations of a record that name its workflow, and where it is seen when that is known."""
    found = {WORKFLOW_NAME: workflow}
    with suppress(RainbowError):  # they are for people, and nothing depends on them
        meta = (kube.get(_TEMPLATE, namespace, template) or {}).get("metadata") or {}
        if address := (meta.get("annotations") or {}).get(ARGO_UI):
            found[WORKFLOW_URL] = f"{address.rstrip('/')}/workflows/{namespace}/{workflow}"
    return found


def name_on_record(kube: Kube, namespace: str, record: str, template: str, workflow: str) -> None:
    """The same for a record that is there, whose release another workflow has taken up."""
    annotations = {WORKFLOW_URL: None, **named_on_record(kube, namespace, template, workflow)}
    with suppress(RainbowError):
        kube.patch(RELEASE, namespace, record, {"metadata": {"annotations": annotations}})
