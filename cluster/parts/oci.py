"""Writes OCI image archives from files that are already on this machine.

The parts of the embedded cluster are single programs; laying them into an image needs no builder and no
engine. What is written depends on the content alone: same files, same digest, and so same tag. Layers stay
uncompressed, because an archive is only ever read back on the same disk.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NOBODY = 65532
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Descriptor(TypedDict):
    """What OCI calls a descriptor: kind, address and size of a blob."""

    mediaType: str
    digest: str
    size: int


@dataclass(frozen=True)
class File:
    """One file of an image: where it is now, and its path in the image."""

    source: Path
    target: str
    mode: int = 0o755


@dataclass(frozen=True)
class Image:
    """An image: layers are tar files, the lowest first."""

    name: str
    layers: tuple[Path, ...]
    entrypoint: tuple[str, ...] = ()
    user: str = str(NOBODY)
    environment: tuple[str, ...] = ("PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",)


def write_layer(destination: Path, files: Iterable[File]) -> Path:
    """Write a layer of the given files, owned by root and without times."""
    ordered = sorted(files, key=lambda file: file.target)
    with tarfile.open(destination, "w", format=tarfile.PAX_FORMAT) as layer:
        for directory in _parents(ordered):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
            layer.addfile(entry)
        for file in ordered:
            entry = tarfile.TarInfo(file.target.lstrip("/"))
            entry.mode, entry.size = file.mode, file.source.stat().st_size
            with file.source.open("rb") as content:
                layer.addfile(entry, content)
    return destination


def write_archive(destination: Path, images: Sequence[Image]) -> dict[str, str]:
    """Write one archive of several images and return each image's full reference by its name.

    Layers that images share are written once. The archive appears under its name only when it is whole.
    """
    partial = destination.with_suffix(".partial")
    references: dict[str, str] = {}
    descriptors = []
    with tarfile.open(partial, "w") as archive:
        written: set[str] = set()
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        for image in images:
            manifest = _write_image(archive, written, image)
            reference = f"{image.name}:{manifest['digest'].removeprefix('sha256:')[:12]}"
            references[image.name] = reference
            annotations = {
                "io.containerd.image.name": reference,
                "org.opencontainers.image.ref.name": reference,
            }
            descriptors.append({**manifest, "annotations": annotations})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}
        _add(archive, "index.json", _json(index))
    os.replace(partial, destination)
    return references


def _write_image(archive: tarfile.TarFile, written: set[str], image: Image) -> Descriptor:
    layers: list[Descriptor] = []
    for path in image.layers:
        digest = sha256(path)
        if digest not in written:
            archive.add(path, f"blobs/sha256/{digest}")
            written.add(digest)
        layers.append({"mediaType": LAYER, "digest": f"sha256:{digest}", "size": path.stat().st_size})
    config = _json(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "User": image.user,
                "Env": list(image.environment),
            },
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _blob(archive, written, config, CONFIG),
            "layers": layers,
        }
    )
    return _blob(archive, written, manifest, MANIFEST)


def _blob(archive: tarfile.TarFile, written: set[str], content: bytes, kind: str) -> Descriptor:
    digest = hashlib.sha256(content).hexdigest()
    if digest not in written:
        _add(archive, f"blobs/sha256/{digest}", content)
        written.add(digest)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _parents(files: Iterable[File]) -> list[str]:
    # Every image gets /tmp: programs expect it, and an image from scratch has nothing.
    found = {"tmp"}
    for file in files:
        found.update(str(parent) for parent in Path(file.target.lstrip("/")).parents if str(parent) != ".")
    return sorted(found)


def sha256(path: Path) -> str:
    """Return the hex digest of a file's content."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
