"""kube-state-metrics from its Go module: what reads the records of releases for Prometheus in most clusters.

No part of the embedded cluster: the tests of the monitoring assets run it beside them. Its libraries are pinned to the
versions that Kubernetes is built with here, so that what they share is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cluster.parts import golang

MODULE = golang.Module(
    name="kube-state-metrics",
    source=Path(__file__).parent.parent / "go" / "kube-state-metrics",
    packages=("k8s.io/kube-state-metrics/v2",),
)


def build(cache: Path, progress: Callable[[int, int], None]) -> Path:
    """Build the program unless it is there; return its directory."""
    return golang.build(MODULE, cache, progress)
