"""Argo Workflows from its Go module: the controller, the executor, and two programs of ours beside them.

`retry` does what the UI's Retry button does, `lint` what the server does before it accepts a workflow.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.parts import golang
from cluster.parts.command import run

VERSION = "v3.7.18"
ARGO = "github.com/argoproj/argo-workflows/v3"
GO = Path(__file__).parent.parent / "go"
MODULE = golang.Module(
    name="argo",
    source=GO / "argo",
    packages=(f"{ARGO}/cmd/workflow-controller", f"{ARGO}/cmd/argoexec", "./retry", "./lint"),
    linker_flags=f"-s -w -X {ARGO}.version={VERSION}",
    # A symbolic link upstream, which module archives leave out.
    additions={
        "osspecific/signal_linux.go": f"{ARGO}/workflow/executor/osspecific/signal_linux.go",
    },
)


def build(cache: Path, progress: Callable[[int, int], None]) -> Path:
    """Build Argo's programs unless they are there; return their directory."""
    return golang.build(MODULE, cache, progress)


def crds() -> list[Path]:
    """Return the files with the CRDs of Argo and of the Gateway API, from their modules."""
    workflows = golang.downloaded(MODULE.source, ARGO) / "manifests/base/crds/minimal"
    gateway = golang.downloaded(GO / "gateway-api", "sigs.k8s.io/gateway-api") / "config/crd/standard"
    return sorted(workflows.glob("argoproj.io_*.yaml")) + sorted(gateway.glob("*networking.k8s.io_*s.yaml"))


def lint(cache: Path, documents: str) -> list[str]:
    """Return Argo's complaints about a stream of YAML documents, one line each; none is good."""
    program = str(build(cache, _silent) / "lint")
    done = subprocess.run([program], input=documents, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout + done.stderr).splitlines()


def retry(cache: Path, workflow: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what the Retry button makes of a failed Workflow: the new object, and the pods to delete first."""
    answer = json.loads(run(str(build(cache, _silent) / "retry"), stdin=json.dumps(workflow), timeout=60))
    return answer["workflow"], answer["podsToDelete"]


def _silent(done: int, total: int) -> None:
    """Progress that nobody watches: the programs are there after `up`."""
