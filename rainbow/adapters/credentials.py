"""Certificates and keys of a kubeconfig, for a client that wants them as files.

The `kubernetes` package writes them into files of their own, which stay behind when the process is killed. So they are
written into a folder that nobody else can enter, taken from there into memory, and the folder is removed at once.
"""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

NAMES = ("ssl_ca_cert", "cert_file", "key_file")
_ONE_AT_A_TIME = threading.Lock()  # the client remembers its files by their contents, for the whole process


def held_in_memory(configuration: Any, load: Callable[[str], object]) -> None:
    """Call `load` with the folder to write into, and have the files of `configuration` in memory afterwards."""
    folder = tempfile.TemporaryDirectory(prefix="rainbow-credentials-", dir=_private(), ignore_cleanup_errors=True)
    with _ONE_AT_A_TIME, folder as path:
        load(path)
        for name in NAMES:
            file = getattr(configuration, name, None)
            if file and Path(file).parent == Path(path):
                setattr(configuration, name, _memory(Path(file).read_bytes()))


def _private() -> str | None:
    """The user's own folder in memory (XDG Base Directory Specification), where there is one."""
    found = os.environ.get("XDG_RUNTIME_DIR")
    return found if found and os.path.isdir(found) and os.access(found, os.W_OK) else None


@cache  # the same one again takes no second descriptor
def _memory(content: bytes) -> str:
    """The path of a file that only this process has, and that ends with it."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("rainbow")
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        return f"/proc/self/fd/{descriptor}"
    # Elsewhere there are no such files: one in a folder that is removed when the process ends by itself.
    folder = tempfile.TemporaryDirectory(prefix="rainbow-credentials-", dir=_private(), ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    path = Path(folder.name, "credential")
    path.touch(mode=0o600)
    path.write_bytes(content)
    return str(path)
