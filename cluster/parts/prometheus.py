"""Prometheus from its Go module: Debian's own is built without the discovery of pods.

Its libraries are pinned to the versions that Kubernetes is built with here, so most of it is compiled already.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cluster.parts import golang

# The module's numbers: v0.311.0 is Prometheus 3.11.0.
VERSION = "v0.311.0"
PROMETHEUS = "github.com/prometheus/prometheus"
MODULE = golang.Module(
    name="prometheus",
    source=Path(__file__).parent.parent / "go" / "prometheus",
    packages=(f"{PROMETHEUS}/cmd/prometheus",),
    linker_flags="-s -w -X github.com/prometheus/common/version.Version=3.11.0",
    # Of all ways to discover targets only Kubernetes: the others are the libraries of a dozen clouds.
    tags="remove_all_sd,enable_kubernetes_sd",
)


def build(cache: Path, progress: Callable[[int, int], None]) -> Path:
    """Build Prometheus unless it is there; return the directory with the program."""
    return golang.build(MODULE, cache, progress)
