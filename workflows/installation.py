"""Everything that `rainbow install` puts into a cluster for the apps of one namespace, in the order of applying."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

from workflows.rbac import access
from workflows.release import release_template
from workflows.settings import Settings
from workflows.step_template import CA_CONFIG_MAP, CA_KEY

Object = dict[str, Any]


def crd() -> Object:
    """The definition of the Release resource: the only object that belongs to the cluster, not to a namespace."""
    text = (files("workflows") / "manifests" / "release-crd.yaml").read_text()
    definition: Object = yaml.safe_load(text)
    return definition


def installation(namespace: str, settings: Settings) -> list[Object]:
    """All objects. Raises OSError when the CA bundle cannot be read."""
    objects = [crd(), *access(namespace)]
    if settings.ca_bundle is not None:
        objects.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": CA_CONFIG_MAP, "namespace": namespace},
                "data": {CA_KEY: settings.ca_bundle.read_text()},
            }
        )
    objects.append(release_template(namespace, settings).to_dict())
    return objects
