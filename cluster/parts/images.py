"""Builds the step image, the builder image and their base with buildah, and pushes them to the registry.

An image's tag is the digest of what goes into it, so a tag that the registry has is never built again, and a
change of code is a new reference. Buildah keeps its layers in the cache: after a change of code only the last
layer is made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from cluster.context import Context
from cluster.parts import debian
from cluster.parts.buildah import buildah
from cluster.parts.oci import sha256
from rainbow import __version__

REGISTRY = "registry.platform.svc.cluster.local:5000"
BASE = f"{REGISTRY}/rainbow/base:{debian.SUITE}"
# What the step image is built from; the builder image stands on the step image.
STEP_FILES = (
    *(
        "images/step.Containerfile",
        "images/rainbow",
        "images/sbom.py",
        "requirements/step.txt",
        "requirements/sbom.txt",
    ),
    *("rainbow", "steps"),
)
VERSION = f"VERSION={__version__}"
BUILDER_FILES = ("images/builder.Containerfile",)
BUNDLE_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"
MANIFEST_KINDS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class References:
    """Full names of the images, as pods use them."""

    base: str
    step: str
    builder: str


def step_image(context: Context | None = None) -> str:
    """Return the full reference of the step image of this checkout as it is now."""
    return references(context or Context.from_environment()).step


def builder_image(context: Context | None = None) -> str:
    """Return the full reference of the builder image of this checkout as it is now."""
    return references(context or Context.from_environment()).builder


def references(context: Context, source: Path | None = None) -> References:
    """Return the references that belong to the sources: the checkout's, or those of a copy of it."""
    root = source or context.checkout
    base = _base_digest(context)
    step = _digest(root, STEP_FILES, base)
    builder = _digest(root, BUILDER_FILES, step)
    return References(BASE, f"{REGISTRY}/rainbow/step:{step}", f"{REGISTRY}/rainbow/builder:{builder}")


def build(context: Context) -> References:
    """Build what is missing of the three images in the local store, which needs no cluster."""
    with _alone(context), _snapshot(context) as source:
        wanted = references(context, source)
        if not _stored(context, BASE) or _noted_base(context) != _base_digest(context):
            _bud(context, debian.base(context.cache).parent, context.checkout / "images/base.Containerfile", BASE)
            _note_base(context)
        if not _stored(context, wanted.step):
            _bud(context, source, source / "images/step.Containerfile", wanted.step, f"BASE={BASE}", VERSION)
        if not _stored(context, wanted.builder):
            arguments = (f"BASE={BASE}", f"STEP={wanted.step}")
            _bud(context, source, source / "images/builder.Containerfile", wanted.builder, *arguments)
            _forget_older(context, wanted)
    return wanted


def push(context: Context, wanted: References) -> None:
    """Push what the registry does not have."""
    wanted_here = (wanted.base, wanted.step, wanted.builder)
    missing = [reference for reference in wanted_here if not in_registry(context, reference)]
    with _alone(context):
        for reference in missing:
            _push(context, reference)


def build_folder(context: Context, folder: Path, name: str, arguments: Mapping[str, str]) -> str:
    """Build a folder with its Containerfile on our base image, and push it; nothing when the registry has it."""
    given = [f"{key}={value}" for key, value in sorted(arguments.items())]
    reference = f"{REGISTRY}/{name}:{_digest(folder, ('.',), ' '.join([_base_digest(context), *given]))}"
    if in_registry(context, reference):
        return reference
    with _alone(context):
        if not _stored(context, reference):
            _bud(context, folder, folder / "Containerfile", reference, f"BASE={BASE}", *given)
        _push(context, reference)
    return reference


def in_registry(context: Context, reference: str) -> bool:
    """Tell whether the registry has an image under this reference."""
    name, _, tag = reference.removeprefix(f"{REGISTRY}/").rpartition(":")
    connection = HTTPConnection("127.0.0.1", context.ports.registry, timeout=10)
    with closing(connection):
        connection.request("HEAD", f"/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST_KINDS})
        return connection.getresponse().status == HTTPStatus.OK


def _push(context: Context, reference: str) -> None:
    address = reference.replace(REGISTRY, f"127.0.0.1:{context.ports.registry}")
    buildah(context, "push", "--tls-verify=false", "--quiet", reference, f"docker://{address}")


def _bud(context: Context, folder: Path, containerfile: Path, reference: str, *arguments: str) -> None:
    bundle = f"{context.ca_bundle}:{BUNDLE_IN_IMAGE}:ro"
    volumes = ["--volume", bundle] if context.ca_bundle.exists() else []
    options = [option for argument in arguments for option in ("--build-arg", argument)]
    # Without times, so that the same content is the same image.
    fixed = ["--isolation", "chroot", "--layers", "--quiet", "--timestamp", "0"]
    fixed += ["--file", str(containerfile), "--tag", reference]
    buildah(context, "build", *fixed, *volumes, *options, str(folder))


def _forget_older(context: Context, wanted: References) -> None:
    """Remove earlier images of these names from the store, and what builds that were killed left there.

    Layers that the new images use stay.
    """
    buildah(context, "rm", "--all")
    names = buildah(context, "images", "--format", "{{.Name}}:{{.Tag}}").split()
    kept = {wanted.base, wanted.step, wanted.builder}
    ours = (f"{REGISTRY}/rainbow/step:", f"{REGISTRY}/rainbow/builder:")
    if older := [name for name in names if name.startswith(ours) and name not in kept]:
        buildah(context, "rmi", "--force", *older)


@contextmanager
def _alone(context: Context) -> Iterator[None]:
    """Keep others out of the store: two starts, or two checkouts, share it."""
    context.cache.mkdir(parents=True, exist_ok=True)
    with (context.cache / "buildah.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stored(context: Context, reference: str) -> bool:
    return bool(buildah(context, "images", "--quiet", "--filter", f"reference={reference}").strip())


@contextmanager
def _snapshot(context: Context) -> Iterator[Path]:
    """Copy the sources aside: what is hashed is what is built, though somebody may be editing them."""
    with tempfile.TemporaryDirectory(prefix="rainbow-images-") as folder:
        root = Path(folder)
        for name in (*STEP_FILES, *BUILDER_FILES):
            for file in _files(context.checkout / name):
                target = root / file.relative_to(context.checkout)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
                # A fresh copy of the same content has to be the same layer.
                os.utime(target, (0, 0))
        yield root


def _digest(root: Path, names: tuple[str, ...], below: str) -> str:
    digest = hashlib.sha256(below.encode())
    for name in names:
        for file in _files(root / name):
            digest.update(f"\0{file.relative_to(root)}\0{file.stat().st_mode & 0o111}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [file for file in found if "__pycache__" not in file.parts]


def _base_digest(context: Context) -> str:
    note = debian.base(context.cache).with_suffix(".sha256")
    if not note.exists():
        note.write_text(sha256(debian.base(context.cache)), encoding="utf-8")
    return note.read_text(encoding="utf-8")


def _noted_base(context: Context) -> str:
    note = context.cache / "buildah" / "rainbow-base.sha256"
    return note.read_text(encoding="utf-8") if note.exists() else ""


def _note_base(context: Context) -> None:
    (context.cache / "buildah" / "rainbow-base.sha256").write_text(_base_digest(context), encoding="utf-8")
