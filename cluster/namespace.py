"""A mount namespace of the node's own.

Container runtime, kubelet and every pod live in it. Overlays, volumes and network namespaces are mounted there and
nowhere else, the host's mounts stay as they are, and all of it is gone with the last process inside: there is nothing
to unmount by hand. Directories that these programs insist on (/run/containerd, /var/lib/kubelet, ...) are covered
inside by directories of the cluster's own, so that a container runtime of the host keeps its own.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from cluster.context import Context
from cluster.processes import Processes, Program
from rainbow.errors import TemporaryError

HOLDER = "namespace"
PATIENCE = 10.0
# In order: a mount namespace that any of these still lives in is entered again.
MEMBERS = (HOLDER, "containerd", "kubelet")

SCRIPT = """\
set -e
mount --make-rshared /
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
exec "$2"
"""


def covered(context: Context) -> dict[Path, Path]:
    """Return which of the cluster's directories covers which of the host's, inside the namespace."""
    run, state = context.run, context.state
    return {
        run / "containerd": Path("/run/containerd"),
        run / "netns": Path("/run/netns"),
        run / "cni": Path("/var/lib/cni"),
        run / "container-logs": Path("/var/log/containers"),
        state / "kubelet": Path("/var/lib/kubelet"),
    }


def enter(context: Context, processes: Processes) -> tuple[str, ...]:
    """Make sure that the namespace is there; return what to put before a program to run it inside."""
    pid = _living(context, processes)
    if pid is None:
        begin_anew(context)
        cover = {str(inner): str(outer) for inner, outer in covered(context).items()}
        _prepare(context)
        pairs = [path for pair in cover.items() for path in pair]
        command = ("unshare", "--mount", "--propagation=slave", "sh", "-c", SCRIPT, "sh", *pairs, "--")
        holder = processes.start(Program(HOLDER, (*command, str(context.pause.resolve()))))
        _wait_for_mounts(holder, processes, context)
        pid = holder.pid
    elif processes.find(HOLDER) is None:
        processes.start(Program(HOLDER, (str(context.pause.resolve()),)), within=_within(pid))
    return _within(pid)


def identity(within: tuple[str, ...]) -> str:
    """Return the namespace's own number: who is in another one has to be started anew."""
    return os.readlink(within[1].removeprefix("--mount="))


def begin_anew(context: Context) -> None:
    """Forget what was only true before: sockets, addresses given to pods, network namespaces."""
    for name in ("containerd", "netns", "cni", "container-logs", "addresses"):
        shutil.rmtree(context.run / name, ignore_errors=True)


def _prepare(context: Context) -> None:
    # A directory to be covered has to exist; the ones made here are taken away again by `down`.
    made = context.run / "made-directories"
    for inner, outer in covered(context).items():
        inner.mkdir(parents=True, exist_ok=True)
        if not outer.exists():
            outer.mkdir(parents=True)
            with made.open("a", encoding="utf-8") as note:
                note.write(f"{outer}\n")


def remove_made(context: Context) -> None:
    """Take away the directories that were made only to be covered, where they are still empty."""
    made = context.run / "made-directories"
    if not made.exists():
        return
    for line in made.read_text(encoding="utf-8").splitlines():
        path = Path(line)
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    made.unlink()


def shims(context: Context) -> Iterator[psutil.Process]:
    """Find the processes that watch over this cluster's containers; they outlive the container runtime."""
    address = str(context.containerd_socket)
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if command and command[0].endswith("containerd-shim-runc-v2") and address in command:
            yield process


def _living(context: Context, processes: Processes) -> int | None:
    host = os.readlink("/proc/self/ns/mnt")
    members = [process for name in MEMBERS if (process := processes.find(name))]
    for process in (*members, *shims(context)):
        try:
            if os.readlink(f"/proc/{process.pid}/ns/mnt") != host:
                return process.pid
        except FileNotFoundError:
            continue
    return None


def _within(pid: int) -> tuple[str, ...]:
    return ("nsenter", f"--mount=/proc/{pid}/ns/mnt", "--")


def _wait_for_mounts(holder: psutil.Process, processes: Processes, context: Context) -> None:
    deadline = time.monotonic() + PATIENCE
    pause = str(context.pause.resolve())
    while time.monotonic() < deadline:
        try:
            if os.readlink(f"/proc/{holder.pid}/exe") == pause:
                return
        except FileNotFoundError:
            break
        time.sleep(0.02)
    raise TemporaryError(f"the node's mount namespace could not be made:\n{processes.tail(HOLDER)}")
