"""Buildah, in a pod that is not privileged: chroot isolation, overlay mounts in a user namespace of its own.

Where the kernel has none for such pods, layers are plain folders (vfs), which is slower. A CA bundle reaches RUN
instructions through /dev/shm, which buildah's chroot shares with the pod and which is no part of the image, and
through build arguments that name it. Everything that buildah keeps is below one folder.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rainbow.decisions.building import is_temporary
from rainbow.decisions.containerfile import declare_arguments
from rainbow.errors import PermanentError, TemporaryError

LAST_LINES = 30
# In memory, the pod's own, and no part of the image.
SHARED_CA = Path("/dev/shm/rainbow-ca.crt")  # noqa: S108
# The variables by which the usual tools are told of a CA bundle.
CA_VARIABLES = (
    "SSL_CERT_FILE",  # OpenSSL, Go, Python's ssl, Ruby, Rust
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "CARGO_HTTP_CAINFO",
)


@dataclass(frozen=True)
class Build:
    """One image to build. Paths are absolute; `name` is its full name with tag."""

    name: str
    context: Path
    containerfile: Path
    target: str | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Buildah:
    """Buildah with its storage below `folder`. `insecure` are registries that speak plain HTTP."""

    folder: Path
    say: Callable[[str], None]
    insecure: Sequence[str] = ()
    ca_bundle: Path | None = None

    def build(self, wanted: Build) -> None:
        """Build it, printing buildah's lines. Raises PermanentError when an instruction fails."""
        containerfile, arguments = wanted.containerfile, dict(wanted.arguments)
        if self.ca_bundle:
            SHARED_CA.write_bytes(self.ca_bundle.read_bytes())
            SHARED_CA.chmod(0o644)  # RUN may have another user
            told = {name: str(SHARED_CA) for name in CA_VARIABLES}
            containerfile = self.folder / "Containerfile"
            text = wanted.containerfile.read_text()
            containerfile.write_text(declare_arguments(text, told))
            # Given as well where the user's file declares one itself, whatever its default there.
            arguments = {name: path for name, path in told.items() if name in text} | arguments
        command = ["build", "--isolation", "chroot", "--pull", "--file", str(containerfile), "--tag", wanted.name]
        command += [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
        command += ["--target", wanted.target] if wanted.target else []
        try:
            self._run([*command, "--", str(wanted.context)], f"image {wanted.name} cannot be built")
        finally:
            if self.ca_bundle:
                SHARED_CA.unlink(missing_ok=True)

    def push(self, name: str) -> str:
        """Push it; its digest in the registry. Raises TemporaryError unless the registry forbids it."""
        digest_file = self.folder / "digest"
        self._run(["push", "--digestfile", str(digest_file), name], f"image {name} cannot be pushed", push=True)
        return digest_file.read_text().strip()

    def _run(self, arguments: Sequence[str], failure: str, *, push: bool = False) -> None:
        last: deque[str] = deque(maxlen=LAST_LINES)
        command = [*self._storage(self.driver), "--registries-conf", str(self._registries()), *arguments]
        # A session of its own: buildah starts itself again in a user namespace, and all of it has to end together.
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=self._environment(),
            start_new_session=True,
        )
        with process:
            try:
                for line in process.stdout or ():
                    last.append(line.rstrip("\n"))
                    self.say(last[-1])
                status = process.wait()
            finally:
                # Also when this step is told to stop: buildah must not outlive it.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if status:
            words = next((line for line in reversed(last) if line.startswith(("Error:", "error "))), f"exit {status}")
            temporary = is_temporary(last) or (push and "denied" not in words and "unauthorized" not in words)
            raise (TemporaryError if temporary else PermanentError)(f"{failure}: {words.removeprefix('Error: ')}")

    @cached_property
    def driver(self) -> str:
        """How layers are kept: `overlay` where it can be mounted, told by buildah itself, else `vfs`."""
        command = [*self._storage("overlay"), "info"]
        try:
            probe = subprocess.run(command, capture_output=True, check=False, env=self._environment())
        except FileNotFoundError as error:
            raise PermanentError("buildah is not installed; the builder image has it") from error
        return "overlay" if probe.returncode == 0 else "vfs"

    def _storage(self, driver: str) -> list[str]:
        folder = self.folder / driver
        return ["buildah", "--root", str(folder), "--runroot", str(folder / "run"), "--storage-driver", driver]

    def _registries(self) -> Path:
        path = self.folder / "registries.conf"
        # Short names such as `python:3.11` mean what they mean to Docker.
        text = 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "permissive"\n'
        text += "".join(f'\n[[registry]]\nlocation = "{host}"\ninsecure = true\n' for host in self.insecure)
        path.write_text(text)
        return path

    def _environment(self) -> dict[str, str]:
        ca = {"SSL_CERT_FILE": str(self.ca_bundle)} if self.ca_bundle else {}
        return {**os.environ, **ca, "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(self.folder)}
