"""Debian packages that the host needs, installed when they are missing and without starting their services.

A package's service is masked while it is installed: Debian would start containerd at once, and again with the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.parts.command import run
from cluster.report import Report
from rainbow.errors import PermanentError, TemporaryError

# Package → a program or directory that tells that it is there.
PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "iproute2": "ip",
    "iptables": "iptables",
    "nftables": "nft",
    "util-linux": "nsenter",
    "mmdebstrap": "mmdebstrap",
    "buildah": "buildah",
    "git": "git",
}
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE = "#!/bin/sh\n# Services of packages are not started while the embedded cluster installs them.\nexit 101\n"
SERVICES = ("containerd.service",)


def missing() -> list[str]:
    """Return the packages that are not there, judged by what they bring."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [package for package, program in PACKAGES.items() if shutil.which(program, path=path) is None]


def install(report: Report) -> None:
    """Install what is missing."""
    wanted = missing()
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        raise PermanentError(
            f"missing on this machine: {', '.join(wanted)} (Debian's names). There is no apt-get: install them"
            " with this system's package manager and run again"
        )
    with report.task(f"installing {', '.join(wanted)}"), _no_services(wanted):
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        options = ("-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
        if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
            run("apt-get", "-q", "update", environment=environment)
        try:
            run("apt-get", "install", *options, *wanted, environment=environment)
        except TemporaryError:
            # Lists that are too old name packages that are gone from the archive.
            run("apt-get", "-q", "update", environment=environment)
            run("apt-get", "install", *options, *wanted, environment=environment)


@contextmanager
def _no_services(wanted: list[str]) -> Iterator[None]:
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text(REFUSE, encoding="utf-8")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)
        if "containerd" in wanted and shutil.which("systemctl"):
            # Enabled by the package; with the next start of the machine it would run beside ours.
            subprocess.run(["systemctl", "disable", "--quiet", *SERVICES], capture_output=True, timeout=60, check=False)
