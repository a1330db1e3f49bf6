"""One `up` or `down` at a time, and a note of which checkout a cluster belongs to."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.context import Context
from cluster.report import Report


@contextmanager
def alone(context: Context, report: Report) -> Iterator[None]:
    """Hold the cluster's lock; while somebody else holds it, say so and wait."""
    context.home.mkdir(parents=True, exist_ok=True)
    with (context.home / "cluster.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            report.line(f"waiting for another command on this cluster to end (process {lock.read().strip() or '?'})")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def owner(context: Context) -> Path | None:
    """Return the checkout that started the cluster."""
    try:
        return Path(json.loads((context.state / "owner.json").read_text(encoding="utf-8"))["checkout"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def own(context: Context) -> None:
    """Note this checkout as the one that starts the cluster."""
    context.state.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"checkout": str(context.checkout)})
    (context.state / "owner.json").write_text(text, encoding="utf-8")
