"""What the parts take from Debian: programs out of packages, and the base image.

Packages are unpacked beside each other and never installed, so that the host gets no service it did not
ask for. The base image is made by mmdebstrap from the host's own package sources.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from cluster.parts.command import run
from rainbow.errors import TemporaryError

SUITE = "bookworm"
# usr-is-merged by name: left to choose, apt takes usrmerge, and with it 50 MB of Perl.
INCLUDED = ("usr-is-merged", "python3", "python3-venv", "ca-certificates")
LEFT_OUT = (
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/doc/*",
    "/usr/lib/*/gconv/*",
)
HOOKS = Path("/usr/share/mmdebstrap/hooks/merged-usr")


def unpacked(package: str, cache: Path) -> Path:
    """Return a directory with the files of a Debian package, fetched once."""
    destination = cache / "debian" / package
    if destination.is_dir():
        return destination
    fetched = cache / "debian" / f"{package}.download"
    shutil.rmtree(fetched, ignore_errors=True)
    fetched.mkdir(parents=True)
    _download(package, fetched)
    archive = next(fetched.glob("*.deb"))
    run("dpkg", "-x", str(archive), str(fetched / "files"))
    os.replace(fetched / "files", destination)
    shutil.rmtree(fetched)
    return destination


def _download(package: str, directory: Path) -> None:
    # As root without the sandbox: the sandbox's user may not write below root's own cache directory.
    command = ("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package)
    try:
        run(*command, directory=directory)
    except TemporaryError:
        # Lists of packages that are missing, or so old that they name one that is gone from the archive.
        run("apt-get", "-q", "update")
        run(*command, directory=directory)


def base(cache: Path) -> Path:
    """Return the root file system of the base image as a tar file, made once (about a minute)."""
    destination = cache / "debian" / f"base-{SUITE}.tar"
    if not destination.exists():
        destination.parent.mkdir(parents=True, exist_ok=True)
        # Both the parts' images and those of the steps stand on it, and are made side by side.
        with destination.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not destination.exists():
                _bootstrap(destination)
    return destination


def _bootstrap(destination: Path) -> None:
    partial = destination.with_suffix(".partial.tar")
    arguments = [
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(INCLUDED)}",
        f"--hook-dir={HOOKS}",
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        '--customize-hook=rm -rf "$1"/var/cache/debconf/*-old "$1"/var/cache/ldconfig/* "$1"/var/log/*',
    ]
    run("mmdebstrap", *arguments, SUITE, str(partial), *_sources())
    os.replace(partial, destination)


def _sources() -> list[str]:
    """Return the host's own lists of package sources where they are of the same suite."""
    candidates = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    lists = [path for path in candidates if path.suffix in {".list", ".sources"} and path.is_file()]
    return [str(path) for path in lists if _is_debian(path.read_text(encoding="utf-8"))]


def _is_debian(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.startswith(("deb ", "Suites:"))]
    return "/debian" in text and any(SUITE in line.split() for line in lines)
