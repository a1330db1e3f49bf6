"""Writes what `rainbow install` has to know of this cluster: the images of the steps, the registry, the CA bundle."""

from __future__ import annotations

import yaml

from cluster.context import Context
from cluster.parts.images import REGISTRY, References


def write(context: Context, images: References) -> None:
    """Write the settings file that `rainbow cluster env` points to (its model is workflows.settings.Settings)."""
    settings = {
        "step_image": images.step,
        "builder_image": images.builder,
        "registry": REGISTRY,
        "insecure_registry": True,
        "build_args": {"BASE": images.base},
    }
    if context.ca_bundle.exists():
        settings["ca_bundle"] = str(context.ca_bundle)
    path = context.settings.with_suffix(".new")
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    path.rename(context.settings)
