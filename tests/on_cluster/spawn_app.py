"""spawn on the cluster for one test: its own namespace, the command line as people call it, and its users."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from rainbow.adapters.kube import INGRESS, Kube
from rainbow.adapters.records import read_release
from rainbow.model.release import Release

RAINBOW = str(Path(sys.executable).parent / "rainbow")
APP = "spawn"


@dataclass
class Spawn:
    """An app `spawn` in a namespace that the test made, in a folder of the test's own."""

    kube: Kube
    namespace: str
    folder: Path
    proxy: str
    images: dict[str, str]

    def rainbow(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run the command line; the caller looks at the exit code."""
        return subprocess.run([RAINBOW, *arguments], capture_output=True, text=True, check=False, timeout=timeout)

    def release(self, release: str, *flags: str, images: dict[str, str] | None = None) -> dict[str, Any]:
        """Release with images that are there; fails the test unless it ends well. Returns the JSON result."""
        answer = self.try_release(release, *flags, images=images)
        assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
        result: dict[str, Any] = json.loads(answer.stdout)
        return result

    def try_release(
        self, release: str, *flags: str, images: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Release with images that are there, whatever comes of it."""
        given = [f"--image={name}={ref}" for name, ref in (self.images | (images or {})).items()]
        path = str(self.folder / "rainbow.yaml")
        return self.rainbow("release", "-f", path, "--release", release, "--output", "json", *given, *flags)

    def configure(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change rainbow.yaml."""
        path = self.folder / "rainbow.yaml"
        config = yaml.safe_load(path.read_text())
        change(config)
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    def now(self) -> datetime:
        """The time, as the records tell it."""
        return datetime.now(UTC)

    def record(self, release: str) -> Release:
        """The record of a release."""
        return read_release(self.kube, self.namespace, APP, release)

    def backend(self) -> str | None:
        """The Service that the route points at; None when there is no route."""
        ingress = self.kube.get(INGRESS, self.namespace, APP)
        if ingress is None:
            return None
        service: str = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
        return service

    def ask(self, path: str = "/", body: object = None) -> tuple[str, Any]:
        """One request of a user: the release that answered, and the answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Host": f"{self.namespace}.localhost", "Content-Type": "application/json"}
        request = urllib.request.Request(self.proxy + path, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers["X-Release"], json.load(answer)


def eventually(what: str, check: Callable[[], Any], *, timeout: float = 180) -> Any:
    """Wait until `check` gives something true, and return it; the time only bounds a test that fails."""
    deadline = time.monotonic() + timeout
    while not (value := check()):
        assert time.monotonic() < deadline, f"did not come: {what}"
        time.sleep(0.5)
    return value
