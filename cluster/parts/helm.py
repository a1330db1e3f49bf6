"""Helm, built from its Go module for the tests of charts: who releases a chart brings a helm of their own.

Nothing of the cluster needs it, so `up` does not build it. Its libraries are those that Kubernetes is built with here.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

from cluster.parts import golang

VERSION = "v4.1.4"
HELM = "helm.sh/helm/v4"
MODULE = golang.Module(
    name="helm",
    source=Path(__file__).parent.parent / "go" / "helm",
    packages=(f"{HELM}/cmd/helm",),
    linker_flags=f"-s -w -X {HELM}/internal/version.version={VERSION}",
)


def build(cache: Path, progress: Callable[[int, int], None]) -> Path:
    """Build the program unless it is there; return its directory. One process builds, others wait for it."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "helm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return golang.build(MODULE, cache, progress)
