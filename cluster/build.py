"""Builds the Kubernetes program and the pause program, with progress, once for each set of sources.

Go keeps every compiled package, so an interrupted build goes on where it was; the finished programs are kept in the
cache by a digest of the module's files, the flags and the compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.context import Context
from cluster.parts import golang
from cluster.report import Report, Task
from rainbow.errors import TemporaryError

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
PROGRAMS = ("kubernetes", "pause")
LAST_LINES = 20


def build(context: Context, report: Report) -> Path:
    """Return the directory with the programs, built unless they are in the cache."""
    directory = context.cache / "go"
    destination = directory / f"kubernetes-{golang.key(MODULE)}"
    if all((destination / program).exists() for program in PROGRAMS):
        return destination
    with report.task("building Kubernetes") as task:
        partial = directory / f"kubernetes.partial-{os.getpid()}"
        partial.mkdir(parents=True, exist_ok=True)
        golang.go("mod", "download", directory=MODULE.source)
        for package, program in zip(MODULE.packages, PROGRAMS, strict=True):
            _compile(package, partial / program, task)
        shutil.rmtree(destination, ignore_errors=True)
        os.replace(partial, destination)
    return destination


def link(context: Context, built: Path) -> None:
    """Point the cluster's own names of the programs at a build."""
    context.binaries.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        fresh = context.binaries / f"{program}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(built / program)
        os.replace(fresh, context.binaries / program)


def _compile(package: str, destination: Path, task: Task) -> None:
    total = len(golang.go("list", "-deps", package, directory=MODULE.source).splitlines())
    task.update(done=0, total=total)
    last: list[str] = []
    arguments = ("-mod=readonly", "-buildvcs=false", "-trimpath", "-v", f"-ldflags={MODULE.linker_flags}")
    with _compiler("go", "build", *arguments, "-o", str(destination), package) as compiler:
        for line in compiler.stderr or ():
            last = [*last[-LAST_LINES:], line.rstrip()]
            task.update(done=min(task.done + 1, total), detail=line.strip())
    if compiler.returncode:
        raise TemporaryError("building Kubernetes failed:\n" + "\n".join(last))
    task.update(done=total)


@contextmanager
def _compiler(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that ends with this block, whatever ends the block (Ctrl-C above all)."""
    process = subprocess.Popen(
        ["nice", "-n", "5", *command],
        cwd=MODULE.source,
        env={**os.environ, **golang.ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=10)
