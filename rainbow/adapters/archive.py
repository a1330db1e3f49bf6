"""Sources that the command line packed: a gzipped tar, cut into ConfigMaps. And the hash of a folder of sources."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
from pathlib import Path

from backports import tarfile

from rainbow.adapters.kube import CONFIG_MAP, Kube
from rainbow.errors import BadInput, PermanentError
from rainbow.model.release import ArchiveSource

CHUNK_KEY = "chunk"
LARGEST = 512 * 1024 * 1024  # bytes unpacked; the packed limit is what ConfigMaps hold


def read_archive(kube: Kube, namespace: str, source: ArchiveSource) -> bytes:
    """Put the chunks together again. Raises PermanentError when one is missing or the whole is not what was packed."""
    chunks: list[bytes] = []
    for name in source.config_maps:
        found = kube.get(CONFIG_MAP, namespace, name)
        encoded = ((found or {}).get("binaryData") or {}).get(CHUNK_KEY)
        if encoded is None:
            raise PermanentError(f"ConfigMap {namespace}/{name} with the sources is missing; release again from them")
        try:
            chunks.append(base64.b64decode(encoded, validate=True))
        except binascii.Error as error:
            raise PermanentError(f"ConfigMap {namespace}/{name} does not hold a chunk of the sources") from error
    packed = b"".join(chunks)
    if (actual := hashlib.sha256(packed).hexdigest()) != source.sha256:
        raise PermanentError(
            f"the sources in {len(chunks)} ConfigMaps of namespace {namespace} have SHA-256 {actual}, not "
            f"{source.sha256}: somebody changed them; release again from the sources"
        )
    return packed


def unpack(packed: bytes, destination: Path) -> None:
    """Unpack, refusing whatever would be written or would point outside of `destination` (PEP 706, filter `data`)."""
    destination.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            members = archive.getmembers()
            if (size := sum(member.size for member in members)) > LARGEST:
                raise BadInput(f"the sources have {size} bytes unpacked; the limit is {LARGEST}")
            archive.extractall(destination, members=members, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput(f"the sources cannot be unpacked: {error}") from error


def hash_folder(folder: Path) -> str:
    """A hash of all files below a folder: names, contents, whether they can be executed, where links point."""
    total = hashlib.sha256()
    for path in sorted(_files(folder)):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            kind, content = "link", str(path.readlink()).encode()
        else:
            kind = "program" if os.access(path, os.X_OK) else "file"
            content = path.read_bytes()
        total.update(f"{kind} {hashlib.sha256(content).hexdigest()} {name}\n".encode())
    return total.hexdigest()


def _files(folder: Path) -> list[Path]:
    # Links to folders are listed among the folders by os.walk, and not followed.
    found: list[Path] = []
    for top, folders, files in os.walk(folder):
        found += [Path(top) / name for name in files]
        found += [Path(top) / name for name in folders if (Path(top) / name).is_symlink()]
    return found
