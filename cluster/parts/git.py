"""Repositories on the embedded cluster's git server, for sources that are built in the cluster."""

from __future__ import annotations

import re
import shutil

from cluster.context import Context
from cluster.parts.command import run
from cluster.parts.oci import NOBODY
from rainbow.errors import BadInput

SETTINGS = {
    # Builds ask for one commit, by its digest.
    "uploadpack.allowAnySHA1InWant": "true",
    "receive.denyDeletes": "false",
}


def create(context: Context, name: str) -> str:
    """Make an empty bare repository unless it is there; return its address as the host sees it."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", name):
        raise BadInput(f"{name!r} is no name for a repository: lower-case letters, digits, '.', '_' and '-'")
    repository = context.volumes / "git" / f"{name}.git"
    if not (repository / "HEAD").exists():
        repository.mkdir(parents=True, exist_ok=True)
        run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(repository))
        for setting, value in SETTINGS.items():
            run("git", f"--git-dir={repository}", "config", setting, value)
        run("chown", "-R", f"{NOBODY}:{NOBODY}", str(repository))
    return f"git://127.0.0.1:{context.ports.git}/{name}.git"


def remove(context: Context, name: str) -> None:
    """Remove a repository; none by that name is fine."""
    shutil.rmtree(context.volumes / "git" / f"{name}.git", ignore_errors=True)


def inside(name: str) -> str:
    """Return a repository's address as pods see it."""
    return f"git://git.platform.svc.cluster.local/{name}.git"
