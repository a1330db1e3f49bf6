"""Runs buildah on an image store below the cluster's own directories, and nowhere else.

Its store, its run directory and its list of short names can be set. Where it notes which registry has which blob
cannot: for root that is below /var/lib. So it runs in a mount namespace in which a directory of ours lies there; the
file systems that it mounts while building go with that namespace too, even if it is killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.context import Context
from cluster.parts.command import run

NOTES = Path("/var/lib/containers/cache")
SCRIPT = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


def buildah(context: Context, *arguments: str) -> str:
    """Run one command and return what it printed."""
    store = context.cache / "buildah"
    notes = store / "rainbow-notes"
    notes.mkdir(parents=True, exist_ok=True)
    options = (
        *("--root", str(store)),
        *("--runroot", str(context.run / "buildah")),
        *("--storage-driver", "overlay" if _knows_overlay() else "vfs"),
        *("--short-name-alias-conf", str(store / "rainbow-short-names.conf")),
    )
    within = ("unshare", "--mount", "--propagation=private", "sh", "-c", SCRIPT, "sh", str(notes), str(NOTES))
    with _there(NOTES):
        return run(*within, "buildah", *options, *arguments)


@contextmanager
def _there(directory: Path) -> Iterator[None]:
    """Have a directory to mount on; what was made for it is taken away again, unless somebody has begun to use it."""
    made = [path for path in (directory, directory.parent) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for path in made:
            if path.exists() and not any(path.iterdir()):
                path.rmdir()


def _knows_overlay() -> bool:
    known = Path("/proc/filesystems").read_text(encoding="utf-8")
    return "\toverlay\n" in known or Path("/sys/module/overlay").exists()
