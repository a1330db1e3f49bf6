"""Hands the parts' images to the node's container runtime, and gives the parts their directories."""

from __future__ import annotations

import os
from pathlib import Path

from cluster.context import Context
from cluster.parts.command import run
from cluster.parts.oci import NOBODY

NAMESPACE = "k8s.io"
KEPT = ("registry", "nats", "prometheus", "git")


def import_images(context: Context, archive: Path, references: dict[str, str]) -> bool:
    """Import an archive unless the node has all its images; tell whether it was needed."""
    present = set(_ctr(context, "images", "list", "--quiet").split())
    if present.issuperset(references.values()):
        return False
    _ctr(context, "images", "import", str(archive))
    _forget_older(context, present, references)
    return True


def make_volumes(context: Context) -> None:
    """Make the directories of what the parts keep, owned by the user that they run as."""
    for name in KEPT:
        directory = context.volumes / name
        directory.mkdir(parents=True, exist_ok=True)
        if directory.stat().st_uid != NOBODY:
            os.chown(directory, NOBODY, NOBODY)


def _forget_older(context: Context, present: set[str], references: dict[str, str]) -> None:
    """Remove earlier images of the same names; those in use live on until their containers end."""
    names = {reference.rpartition(":")[0] for reference in references.values()}
    older = [old for old in present if old.rpartition(":")[0] in names and old not in references.values()]
    if older:
        _ctr(context, "images", "remove", *sorted(older))


def _ctr(context: Context, *arguments: str) -> str:
    return run("ctr", "--address", str(context.containerd_socket), "--namespace", NAMESPACE, *arguments, timeout=300)
