"""How much the step image adds to its base, as compressed layers in the registry (P5)."""

from __future__ import annotations

from typing import Any

import requests

from bench.measure import Measure
from cluster.context import Context
from cluster.parts.images import references

GOAL_MIB = 80
MANIFEST = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def image_size() -> list[Measure]:
    """The step image and the builder image, each against the base that both stand on."""
    context = Context.from_environment()
    images = references(context)
    base = _mib(context, images.base)
    measures = []
    for name, image, goal in (("step", images.step, GOAL_MIB), ("builder", images.builder, None)):
        added = _mib(context, image) - base
        measures.append(
            Measure(
                name=f"{name} image: compressed size over its base",
                ours=f"{added:.1f} MiB",
                against=f"base {base:.1f} MiB",
                ratio=added / base,
                goal=f"≤ {goal} MiB" if goal else "",
                met=added <= goal if goal else None,
            )
        )
    return measures


def _mib(context: Context, image: str) -> float:
    repository, _, tag = image.split("/", 1)[1].rpartition(":")
    url = f"http://127.0.0.1:{context.ports.registry}/v2/{repository}/manifests/{tag}"
    answer = requests.get(url, headers={"Accept": MANIFEST}, timeout=30)
    answer.raise_for_status()
    manifest: dict[str, Any] = answer.json()
    size: float = sum(layer["size"] for layer in manifest["layers"]) / 2**20
    return size
