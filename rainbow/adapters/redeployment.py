"""Submitting the workflow that redeploys a release; the record is there, and says everything that it needs."""

from __future__ import annotations

from collections.abc import Mapping

from rainbow.adapters.argo_ui import name_on_record
from rainbow.adapters.kube import Kube
from rainbow.adapters.policies import read_policy
from rainbow.adapters.submission import arguments_of, installed, tests_promised
from rainbow.adapters.workflows import redeploy_name, workflow_object
from rainbow.decisions.overrides import unfit
from rainbow.errors import BadInput, Conflict
from rainbow.model.release import Release

TEMPLATE = "redeploy"


def submit_redeploy(kube: Kube, release: Release, more: Mapping[str, str], *, build: bool) -> str:
    """Create the workflow and return its name. Raises BadInput when this deletion is being made up for already.

    It brings its own rainbow.yaml, over which the policy of today is in force, as for every release.
    """
    instance = installed(kube, release.namespace, TEMPLATE)
    policy = read_policy(kube, release.namespace, release.app)
    if wrong := unfit(policy, release.spec.app):
        raise BadInput(
            f"the policy of app {release.app} in namespace {release.namespace} does not fit release {release.id}: "
            f"{wrong}; change it: rainbow policy set -n {release.namespace} {release.app} KEY=VALUE"
        )
    name = redeploy_name(release.app, release.id, str(release.status.deleted_at))
    promised = tests_promised(kube, release.spec)
    arguments = arguments_of(release.spec, policy, build=build, promised=promised) | dict(more)
    about = (TEMPLATE, release.namespace, release.app, release.id)
    workflow = workflow_object(*about, arguments, name=name, instance=instance)
    try:
        kube.create(workflow)
    except Conflict as error:
        raise BadInput(
            f"release {release.id} of app {release.app} is redeployed already by workflow {name} in namespace "
            f"{release.namespace}; follow it: rainbow follow -n {release.namespace} {release.app} {release.id}; "
            "if it has failed, press Retry on it"
        ) from error
    name_on_record(kube, release.namespace, release.name, TEMPLATE, name)
    return name
