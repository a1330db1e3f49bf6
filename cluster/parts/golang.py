"""Builds programs out of Go modules, with progress, and keeps them by what went into them.

A module to which files have to be added is copied into the cache and vendored there: the checkout stays clean.
Go keeps each compiled package, so an interrupted build goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cluster.parts.command import run
from rainbow.errors import PermanentError, TemporaryError

# Nothing of a person's own Go settings may change what is built.
ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GO111MODULE": "on"}
# Without tables for a debugger, which the linker drops anyway (-s -w): a tenth less work for the compiler.
# One set of flags for all modules, or what they share would be compiled twice.
COMPILER_FLAGS = ("-buildvcs=false", "-trimpath", "-gcflags=all=-dwarf=false", "-v")
# With memory to spare the compiler collects its garbage less often: another tenth.
GENEROUS = {"GOGC": "400"}
MEMORY_TO_SPARE = 8 * 2**30
SOURCES = ("go.mod", "go.sum", "*.go", "*/*.go")
LAST_LINES = 20
MAJOR_VERSION = re.compile(r"/v\d+$")


@dataclass(frozen=True)
class Module:
    """A Go module of ours: its directory, the packages to build, and what is added to its vendored ones."""

    name: str
    source: Path
    packages: tuple[str, ...]
    linker_flags: str = "-s -w"
    tags: str = ""
    additions: Mapping[str, str] = field(default_factory=dict)

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of the programs, in the packages' order; the version of a module is no part of its name."""
        bare = (MAJOR_VERSION.sub("", package) for package in self.packages)
        return tuple(self.name if package == "." else package.rsplit("/", 1)[-1] for package in bare)

    def files(self) -> list[Path]:
        """The module's own files: what a build depends on."""
        found = sorted(file for pattern in SOURCES for file in self.source.glob(pattern))
        return [file for file in found if not file.name.endswith("_test.go")]


def build(module: Module, cache: Path, progress: Callable[[int, int], None]) -> Path:
    """Build a module's programs unless they are there; return their directory.

    `progress` is told how many packages are compiled, and of how many.
    """
    destination = cache / "go" / f"{module.name}-{key(module)}"
    if all((destination / program).exists() for program in module.programs):
        return destination
    source = _copy(module, cache / "go" / f"{module.name}.source") if module.additions else module.source
    partial = cache / "go" / f"{module.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _compile(module, source, partial, progress)
    shutil.rmtree(destination, ignore_errors=True)
    os.replace(partial, destination)
    _forget_older(module, destination)
    return destination


def key(module: Module) -> str:
    """Return the digest of everything that goes into a build: sources, versions, flags, compiler."""
    flags = (module.packages, module.linker_flags, sorted(module.additions.items()))
    digest = hashlib.sha256(repr(flags).encode())
    digest.update(module.tags.encode())
    digest.update(go("env", "GOVERSION", "GOOS", "GOARCH", directory=module.source).encode())
    for file in module.files():
        digest.update(f"{file.relative_to(module.source)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def compiling() -> dict[str, str]:
    """Return the environment in which a build runs."""
    generous = GENEROUS if psutil.virtual_memory().available > MEMORY_TO_SPARE else {}
    return {**os.environ, **ENVIRONMENT, **generous}


def downloaded(module: Path, dependency: str) -> Path:
    """Return the directory of a dependency's verified source, fetched when missing."""
    go("mod", "download", dependency, directory=module)
    return Path(go("list", "-m", "-f", "{{.Dir}}", dependency, directory=module).strip())


def go(*arguments: str, directory: Path) -> str:
    """Run the Go command in a module's directory."""
    if shutil.which("go") is None:
        raise PermanentError("Go is not installed: install it (Debian: apt-get install golang-go) and run again")
    return run("go", *arguments, directory=directory, environment=ENVIRONMENT)


def _copy(module: Module, copy: Path) -> Path:
    """Bring the copy up to date with the module, and vendor again only when its dependencies changed."""
    copy.mkdir(parents=True, exist_ok=True)
    pins = hashlib.sha256(b"".join((module.source / name).read_bytes() for name in ("go.mod", "go.sum"))).hexdigest()
    for file in module.files():
        target = copy / file.relative_to(module.source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    note = copy / "vendored"
    if not note.exists() or note.read_text(encoding="utf-8") != pins:
        go("mod", "vendor", directory=copy)
        note.write_text(pins, encoding="utf-8")
    for added, target_name in module.additions.items():
        shutil.copyfile(module.source / added, copy / "vendor" / target_name)
    return copy


def _compile(module: Module, source: Path, destination: Path, progress: Callable[[int, int], None]) -> None:
    # Modules that are not vendored share what is compiled with each other, where their versions are the same.
    mode = ("-mod=vendor" if module.additions else "-mod=readonly", f"-tags={module.tags}")
    total = len(go("list", *mode, "-deps", *module.packages, directory=source).splitlines())
    progress(0, total)
    arguments = [*mode, *COMPILER_FLAGS, f"-ldflags={module.linker_flags}", "-o", f"{destination}/"]
    last: list[str] = []
    with _compiler(source, "go", "build", *arguments, *module.packages) as compiler:
        for done, line in enumerate(compiler.stderr or (), start=1):
            last = [*last[-LAST_LINES:], line.rstrip()]
            progress(min(done, total), total)
    if compiler.returncode:
        raise TemporaryError(f"building {module.name} failed:\n" + "\n".join(last))
    progress(total, total)


@contextmanager
def _compiler(directory: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that ends with this block, whatever ends the block (Ctrl-C above all)."""
    process = subprocess.Popen(
        ["nice", "-n", "5", *command],
        cwd=directory,
        env=compiling(),
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


def _forget_older(module: Module, newest: Path) -> None:
    for directory in newest.parent.glob(f"{module.name}-*"):
        if directory != newest and len(directory.name) == len(newest.name):
            shutil.rmtree(directory, ignore_errors=True)
