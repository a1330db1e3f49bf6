"""Runs programs of the host, and turns their failure into one message that says which and why."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rainbow.errors import TemporaryError

LAST_LINES = 15


def run(
    *arguments: str,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 1800,
) -> str:
    """Run a program to its end and return its standard output; failure shows its last lines."""
    try:
        done = subprocess.run(
            arguments,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as missing:
        raise TemporaryError(f"{arguments[0]} is not installed on this machine") from missing
    except subprocess.TimeoutExpired as late:
        raise TemporaryError(f"{arguments[0]} did not end within {timeout:.0f} s") from late
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
        raise TemporaryError(f"{' '.join(arguments[:3])} failed (status {done.returncode}):\n{last}")
    return done.stdout
