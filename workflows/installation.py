"""Everything that `rainbow install` puts into a cluster for the apps of one namespace, in the order of applying."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

from workflows.collect_garbage import collect_garbage_schedule
from workflows.operation import OPERATIONS, operation_template
from workflows.rbac import access
from workflows.redeploy import redeploy_template
from workflows.release import release_template
from workflows.settings import Settings
from workflows.step_template import CA_CONFIG_MAP, CA_KEY

Object = dict[str, Any]


# The objects that belong to the cluster, not to a namespace.
_OF_THE_CLUSTER = ("release-crd.yaml", "policy-crd.yaml", "deletion-guard.yaml")


def of_the_cluster() -> list[Object]:
    """The definitions of our resources."""
    folder = files("workflows") / "manifests"
    return [document for name in _OF_THE_CLUSTER for document in yaml.safe_load_all((folder / name).read_text())]


def installation(namespace: str, settings: Settings) -> list[Object]:
    """All objects. Raises OSError when the CA bundle cannot be read."""
    objects = [*of_the_cluster(), *access(namespace, settings.garbage_namespaces)]
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
    return objects
