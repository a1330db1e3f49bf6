"""The image of the pause program, laid into the node's image store without a registry."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from cluster.context import Context
from cluster.parts.command import run
from cluster.parts.oci import File, Image, sha256, write_archive, write_layer

NAMESPACE = "k8s.io"
NAME = "rainbow.local/pause"


def archive(context: Context) -> tuple[Path, str]:
    """Return the image as an archive in the cache, and its full name."""
    program = context.pause.resolve()
    destination = context.cache / "images" / f"pause-{sha256(program)[:16]}.tar"
    note = destination.with_suffix(".name")
    if not (destination.exists() and note.exists()):
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as directory:
            layer = write_layer(Path(directory) / "layer.tar", [File(program, "/pause")])
            references = write_archive(destination, [Image(name=NAME, layers=(layer,), entrypoint=("/pause",))])
        note.write_text(references[NAME], encoding="utf-8")
    return destination, note.read_text(encoding="utf-8")


def load(context: Context) -> None:
    """Give the image to the running container runtime."""
    file, name = archive(context)
    client = ("ctr", "--address", str(context.containerd_socket), "--namespace", NAMESPACE, "images")
    present = subprocess.run([*client, "list", "--quiet"], capture_output=True, text=True, timeout=60, check=False)
    if name not in present.stdout.split():
        run(*client, "import", str(file), timeout=120)
    run(*client, "label", name, "io.cri-containerd.pinned=pinned", timeout=60)
