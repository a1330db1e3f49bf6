"""The program that tells Prometheus which pods to scrape, from our Go module.

Debian's Prometheus is built without the discovery of pods; building another took six minutes of a processor, this
takes seconds. Its libraries are pinned to the versions that Kubernetes is built with here: they are compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cluster.parts import golang

MODULE = golang.Module(
    name="discover",
    source=Path(__file__).parent.parent / "go" / "discover",
    packages=("rainbow.dev/cluster/discover",),
)


def build(cache: Path, progress: Callable[[int, int], None]) -> Path:
    """Build the program unless it is there; return its directory."""
    return golang.build(MODULE, cache, progress)
