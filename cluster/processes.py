"""Starts, finds and stops the cluster's own processes.

A process is known by its number and its time of birth together: numbers are used again, the pair is not. Each
process also has a fingerprint of what it was started from, so that `up` restarts exactly what changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from rainbow.errors import TemporaryError

LOG_LIMIT = 32 * 1024 * 1024
BIRTH_TOLERANCE = 0.05
# Nothing of a person's shell reaches the parts: not a proxy, not a token, not a Go setting.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True)
class Program:
    """What a process is started from. `files` are read by it: when one changes, it is started anew."""

    name: str
    arguments: tuple[str, ...]
    files: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Return a digest of the arguments, the environment and the files' contents."""
        digest = hashlib.sha256(json.dumps([self.arguments, sorted(self.environment.items())]).encode())
        for path in self.files:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Identity:
    """A process that was started, whether it still lives or not."""

    pid: int
    born: float
    fingerprint: str

    def process(self) -> psutil.Process | None:
        """Return the living process, or None if it is gone or only its number is in use again."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.born) < BIRTH_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class Processes:
    """The processes of one cluster; `run` holds a note of each, `logs` its output."""

    def __init__(self, run: Path, logs: Path) -> None:
        self._notes = run / "processes"
        self._logs = logs

    def identity(self, name: str) -> Identity | None:
        """Return what is noted about a process, or None where there is no (readable) note."""
        try:
            return Identity(**json.loads((self._notes / f"{name}.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def find(self, name: str) -> psutil.Process | None:
        """Return the living process of that name."""
        identity = self.identity(name)
        return identity.process() if identity else None

    def names(self) -> list[str]:
        """Return the names of all processes ever noted and not yet stopped."""
        return sorted(note.stem for note in self._notes.glob("*.json"))

    def log(self, name: str) -> Path:
        """Return the file that a process writes its output to."""
        return self._logs / f"{name}.log"

    def current(self, program: Program) -> bool:
        """Tell whether the process lives and was started from exactly this."""
        identity = self.identity(program.name)
        return bool(identity and identity.process() and identity.fingerprint == program.fingerprint())

    def start(self, program: Program, within: Sequence[str] = ()) -> psutil.Process:
        """Start a program detached from this terminal; a running one that is out of date is stopped before.

        `within` goes before its arguments: a program that enters a namespace and then becomes this one.
        """
        living = self.find(program.name)
        if living and self.current(program):
            return living
        self.stop([program.name])
        log = self.log(program.name)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            os.replace(log, log.with_suffix(".log.1"))
        with log.open("ab") as output:
            started = subprocess.Popen(
                [*within, *program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**ENVIRONMENT, **program.environment},
                cwd="/",
                start_new_session=True,
            )
        # Neither awaited nor killed by us: it outlives this command.
        started.returncode = 0
        return self._note(program, started.pid)

    def _note(self, program: Program, pid: int) -> psutil.Process:
        try:
            process = psutil.Process(pid)
            note = {"pid": pid, "born": process.create_time(), "fingerprint": program.fingerprint()}
        except psutil.NoSuchProcess as gone:
            raise TemporaryError(f"{program.name} ended at once:\n{self.tail(program.name)}") from gone
        self._notes.mkdir(parents=True, exist_ok=True)
        partial = self._notes / f"{program.name}.partial"
        partial.write_text(json.dumps(note), encoding="utf-8")
        os.replace(partial, self._notes / f"{program.name}.json")
        return process

    def stop(self, names: Iterable[str], grace: float = 10.0) -> list[str]:
        """End processes with SIGTERM, after `grace` seconds with SIGKILL; return the names that lived."""
        found = {name: process for name in names if (process := self.find(name))}
        for process in found.values():
            _signal(process, kill=False)
        _, stubborn = psutil.wait_procs(list(found.values()), timeout=grace)
        for process in stubborn:
            _signal(process, kill=True)
        psutil.wait_procs(stubborn, timeout=5)
        for name in names:
            (self._notes / f"{name}.json").unlink(missing_ok=True)
        return list(found)

    def tail(self, name: str, lines: int = 12) -> str:
        """Return the last lines of a process's output."""
        try:
            with self.log(name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 16384))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no output)"


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
