"""The Kubernetes program and the pause program: what is built of them, and the cluster's own names of them."""

from __future__ import annotations

import os
from pathlib import Path

from cluster.context import Context
from cluster.parts import golang
from cluster.report import Report

VERSION = "v1.35.4"
STAMP = "k8s.io/component-base/version"
MODULE = golang.Module(
    name="kubernetes",
    source=Path(__file__).parent / "go" / "kubernetes",
    packages=(".", "./pause"),
    linker_flags=(
        f"-s -w -X {STAMP}.gitVersion={VERSION} -X {STAMP}.gitMajor=1 -X {STAMP}.gitMinor=35"
        f" -X {STAMP}.gitTreeState=clean -X {STAMP}.gitCommit=embedded -X {STAMP}.buildDate=1970-01-01T00:00:00Z"
    ),
)


def build(context: Context, report: Report) -> Path:
    """Return the directory with the programs, built unless they are in the cache."""
    with report.task("building Kubernetes") as task:
        return golang.build(MODULE, context.cache, lambda done, total: task.update(done=done, total=total))


def link(context: Context, built: Path) -> None:
    """Point the cluster's own names of the programs at a build."""
    context.binaries.mkdir(parents=True, exist_ok=True)
    for program in MODULE.programs:
        fresh = context.binaries / f"{program}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(built / program)
        os.replace(fresh, context.binaries / program)
