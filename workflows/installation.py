"""Everything that `rainbow install` puts into a cluster for the apps of one namespace, in the order of applying."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import yaml

from rainbow import __version__
from rainbow.adapters.workflows import INSTANCE_LABEL
from rainbow.model.names import ARGO_UI, INSTALLED_BY
from workflows.ci import ci_access
from workflows.collect_garbage import collect_garbage_schedule
from workflows.operation import OPERATIONS, operation_template
from workflows.rbac import access
from workflows.redeploy import redeploy_template
from workflows.release import release_template
from workflows.settings import Settings
from workflows.step_template import CA_CONFIG_MAP, CA_KEY

Object = dict[str, Any]


# The objects that belong to the cluster, not to a namespace.
_OF_THE_CLUSTER = ("release-crd.yaml", "policy-crd.yaml", "deletion-guard.yaml", "ci-guard.yaml")
# A label holds fewer characters than a version may have (Kubernetes, "Labels and Selectors").
_VERSION = re.sub(r"[^A-Za-z0-9._-]", "-", __version__)[:63].strip("._-")
_OF_ARGO = ("WorkflowTemplate", "CronWorkflow")


def of_the_cluster() -> list[Object]:
    """The definitions of our resources, and what guards them."""
    folder = files("workflows") / "manifests"
    return [
        _marked(document) for name in _OF_THE_CLUSTER for document in yaml.safe_load_all((folder / name).read_text())
    ]


def of_ci(namespace: str) -> list[Object]:
    """The identity of CI, for who wants one."""
    return [_marked(obj) for obj in ci_access(namespace)]


def installation(namespace: str, settings: Settings) -> list[Object]:
    """All objects, those of the cluster first. Raises OSError when the CA bundle cannot be read."""
    return [*of_the_cluster(), *of_the_namespace(namespace, settings)]


def of_the_namespace(namespace: str, settings: Settings) -> list[Object]:
    """The objects of one namespace. Raises OSError when the CA bundle cannot be read."""
    objects = access(namespace, settings.garbage_namespaces, settings.image_pull_secrets)
    if settings.ca_bundle is not None:
        objects.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": CA_CONFIG_MAP, "namespace": namespace},
                "data": {CA_KEY: settings.ca_bundle.read_text()},
            }
        )
    release = release_template(namespace, settings)
    objects += [release.to_dict(), redeploy_template(namespace, settings, release).to_dict()]
    objects += [operation_template(step, namespace, settings).to_dict() for step in OPERATIONS]
    if (schedule := collect_garbage_schedule(namespace, settings)) is not None:
        objects.append(schedule.to_dict())
    return [_linked(_marked(obj, settings.argo_instance_id), settings.argo_ui) for obj in objects]


def _marked(obj: Object, instance: str | None = None) -> Object:
    """With the label by which `uninstall` finds it, and for Argo's own kinds the controller that is to see it."""
    marks = {INSTALLED_BY: _VERSION}
    if instance is not None and obj["kind"] in _OF_ARGO:
        marks[INSTANCE_LABEL] = instance
    meta = obj["metadata"]
    return obj | {"metadata": meta | {"labels": {**(meta.get("labels") or {}), **marks}}}


def _linked(obj: Object, argo_ui: str | None) -> Object:
    """A template that knows where its workflows are seen: who submits one writes it on the record."""
    if argo_ui is None or obj["kind"] != "WorkflowTemplate":
        return obj
    meta = obj["metadata"]
    return obj | {"metadata": meta | {"annotations": {**(meta.get("annotations") or {}), ARGO_UI: argo_ui}}}
