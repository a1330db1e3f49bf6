"""Submitting the workflow that redeploys a release; the record is there, and says everything that it needs."""

from __future__ import annotations

from collections.abc import Mapping

from rainbow.adapters.kube import Kube
from rainbow.adapters.submission import arguments_of, installed
from rainbow.adapters.workflows import redeploy_name, workflow_object
from rainbow.errors import BadInput, Conflict
from rainbow.model.release import Release

TEMPLATE = "redeploy"


def submit_redeploy(kube: Kube, release: Release, more: Mapping[str, str], *, build: bool) -> str:
    """Create the workflow and return its name. Raises BadInput when this deletion is being made up for already."""
    installed(kube, release.namespace, TEMPLATE)
    name = redeploy_name(release.app, release.id, str(release.status.deleted_at))
    arguments = arguments_of(release.spec, build=build) | dict(more)
    workflow = workflow_object(TEMPLATE, release.namespace, release.app, release.id, arguments, name=name)
    try:
        kube.create(workflow)
    except Conflict as error:
        raise BadInput(
            f"release {release.id} of app {release.app} is redeployed already by workflow {name} in namespace "
            f"{release.namespace}; follow it: rainbow follow -n {release.namespace} {release.app} {release.id}; "
            "if it has failed, press Retry on it"
        ) from error
    return name
