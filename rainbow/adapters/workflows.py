"""Argo workflows through the Kubernetes API alone: no argo-server is needed to submit, follow or stop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from rainbow.adapters.kube import WORKFLOW, Kube, Object
from rainbow.errors import BadInput, PermanentError, RainbowError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL, record_name, release_labels

# Set by argo-server when a template is submitted from the UI; its list of a template's runs filters on it.
INSTANCE_LABEL = "workflows.argoproj.io/controller-instanceid"  # a controller with an instanceID sees no others
_TEMPLATE_LABEL = "workflows.argoproj.io/workflow-template"
TITLE = "workflows.argoproj.io/title"
DESCRIPTION = "workflows.argoproj.io/description"
COMPLETED = "workflows.argoproj.io/completed"


def workflow_name(app: str, release: str) -> str:
    """One workflow for each release: submitting it twice is a conflict, not a second run."""
    return f"release-{app}-{release}"


def redeploy_name(app: str, release: str, deletion: str) -> str:
    """One workflow for each deletion of a release; `deletion` tells them apart."""
    # The name of a Workflow is the value of a label of its pods, which has at most 63 characters.
    return f"redeploy-{app}-{release}"[:54] + f"-{crc32(f'{app}/{release}/{deletion}'.encode()):08x}"


def newest_workflow(kube: Kube, namespace: str, app: str, release: str) -> str:
    """The workflow that releases it, or that released it last: its own, or the one that redeploys it.

    Raises TemporaryError when nobody tells which: its first one may have failed, and the last one be at work.
    """
    labels = f"{APP_LABEL}={app},{RELEASE_LABEL}={release},{_TEMPLATE_LABEL} in (release,redeploy)"
    try:
        found = kube.list(WORKFLOW, namespace, labels=labels)
    except PermanentError:  # who may only get workflows can name one
        found = []
    newest = max(found, key=lambda obj: str(obj["metadata"]["creationTimestamp"]), default=None)
    return newest["metadata"]["name"] if newest else workflow_name(app, release)


def workflow_object(
    template: str,
    namespace: str,
    app: str,
    release: str,
    arguments: Mapping[str, str],
    *,
    name: str | None = None,
    instance: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A Workflow that runs the installed template; by default it is the one workflow of the release.

    `instance`: the label that tells which controller is to run it, as `submission.installed` finds it.
    """
    labels = release_labels(app, release) if release else {APP_LABEL: app} if app else {}
    return {
        "apiVersion": WORKFLOW.api_version,
        "kind": WORKFLOW.kind,
        "metadata": {
            "name": name or workflow_name(app, release),
            "namespace": namespace,
            "labels": {**labels, _TEMPLATE_LABEL: template, **(instance or {})},
            "annotations": _told(template, namespace, app, release),
        },
        "spec": {
            "workflowTemplateRef": {"name": template},
            "arguments": {"parameters": [{"name": key, "value": value} for key, value in arguments.items()]},
        },
    }


def _told(template: str, namespace: str, app: str, release: str) -> dict[str, str]:
    """What the Argo UI shows of it in its list, in place of its name (Argo Workflows, "Title and Description")."""
    about = " ".join(filter(None, (app, release)))
    title = template.replace("-", " ").capitalize()
    told = {TITLE: f"{title}: {about}" if about else title}
    if release:
        record = f"`kubectl describe releases.rainbow.dev -n {namespace} {record_name(app, release)}`"
        told[DESCRIPTION] = f"Release `{release}` of app `{app}` in namespace `{namespace}`. Its record: {record}"
    return told


def releases_at_work(kube: Kube, namespace: str, app: str) -> frozenset[str] | None:
    """The releases of the app at which a workflow is at work, anybody's; None when that cannot be known."""
    try:
        # The label is set when a workflow has ended (Argo Workflows, "Default labels"); the phase tells it again.
        workflows = kube.list(WORKFLOW, namespace, labels=f"{COMPLETED}!=true")
    except RainbowError:
        return None
    return frozenset(id_ for workflow in workflows if not has_ended(workflow) for id_ in _released(workflow, app))


def at_work(workflows: Iterable[Object], app: str) -> dict[str, Object]:
    """Release id → the workflow that is at work on it, the newest if there are several."""
    found: dict[str, Object] = {}
    for workflow in sorted(workflows, key=lambda obj: str(obj["metadata"]["creationTimestamp"])):
        if not has_ended(workflow):
            found |= dict.fromkeys(_released(workflow, app), workflow)
    return found


def template_of(workflow: Object) -> str:
    """The name of the template that a workflow runs; empty when it brought its own."""
    labels = workflow["metadata"].get("labels") or {}
    given = ((workflow.get("spec") or {}).get("workflowTemplateRef") or {}).get("name")
    return str(given or labels.get(_TEMPLATE_LABEL) or "")


def has_ended(workflow: Object) -> bool:
    """Whether it will do nothing any more, unless somebody presses Retry."""
    return (workflow.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error")


def _released(workflow: Object, app: str) -> set[str]:
    """The releases that a workflow may be about: by its name, its labels or its parameters. Rather one too many."""
    meta, start = workflow["metadata"], workflow_name(app, "")
    given = (workflow.get("spec") or {}).get("arguments") or {}
    parameters = {p["name"]: p.get("value") for p in given.get("parameters") or []}
    labels = meta.get("labels") or {}
    found = [meta["name"].removeprefix(start)] if meta["name"].startswith(start) else []
    found += [labels.get(RELEASE_LABEL)] if labels.get(APP_LABEL) == app else []
    found += [parameters.get("release")] if parameters.get("app", app) == app else []
    return {id_ for id_ in found if id_}


def read_workflow(kube: Kube, namespace: str, name: str) -> dict[str, Any]:
    """Raises BadInput when there is none of that name (any more)."""
    workflow = kube.get(WORKFLOW, namespace, name)
    if workflow is None:
        raise BadInput(
            f"no workflow {name} in namespace {namespace}: it was never submitted, or its time to live is over; "
            f"see the record: kubectl get releases.rainbow.dev -n {namespace}"
        )
    return workflow
