"""Runs spawn's services and a NATS server as local processes, and asks them questions."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

WAIT_SECONDS = 30.0


def free_port() -> int:
    """Return a TCP port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(what: str, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Wait until something holds; fails the test, saying what, when it does not."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def data(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.text)


def ask(url: str, body: object = None, timeout: float = 30.0, host: str | None = None) -> Reply:
    """Send one request (POST with a body, else GET) and return its answer, whatever its status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return Reply(reply.status, dict(reply.headers), reply.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers), error.read().decode())


@dataclass
class Service:
    """One running service."""

    name: str
    release: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Return its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Say whether it says that it is ready; fails the test when it is dead."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            return ask(f"{self.url}/readyz", timeout=5).status == 200
        except OSError:
            return False

    def active(self) -> dict[str, float]:
        """Return its series of active tasks by release; empty when they are absent."""
        text = ask(f"{self.url}/metrics").text
        found = re.findall(r'^spawn_active_tasks\{component="\w+",release="([^"]+)"\} (\S+)$', text, re.MULTILINE)
        return {release: float(count) for release, count in found}

    def task(self, seconds: float, kind: str = "image") -> str:
        """Start a task through this API and return its id."""
        reply = ask(f"{self.url}/tasks", {"kind": kind, "seconds": seconds})
        assert reply.status == 202, reply.text
        return str(reply.data["id"])

    def state(self, task_id: str) -> dict[str, Any]:
        """Return the state of a task."""
        reply = ask(f"{self.url}/tasks/{task_id}")
        assert reply.status == 200, reply.text
        return dict(reply.data)

    def status(self, task_id: str) -> str:
        """Return only the status of a task."""
        return str(self.state(task_id)["status"])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal and return at once."""
        self.process.send_signal(number)


@dataclass
class Fleet:
    """A NATS server and services; ends all of them when left."""

    folder: Path
    code: Path
    bus_port: int = field(default_factory=free_port)
    services: list[Service] = field(default_factory=list)

    def __enter__(self) -> Fleet:
        self.start_bus()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self.services:
            service.process.kill()
            service.process.wait()
        self.kill_bus()

    @property
    def storage(self) -> Path:
        """Return the folder of the storage worker."""
        return self.folder / "storage"

    def start_bus(self) -> None:
        """Start the NATS server, on the same port and with the same data each time."""
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        place = ["-a", "127.0.0.1", "-p", str(self.bus_port), "-js", "-sd", str(self.folder / "js")]
        with (self.folder / "nats.log").open("ab") as log:
            self._bus = subprocess.Popen([program, *place], stdout=log, stderr=log)

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.bus_port)) == 0

        eventually("NATS listens", listens)

    def kill_bus(self) -> None:
        """End the NATS server without warning."""
        self._bus.kill()
        self._bus.wait()

    def start(self, name: str, release: str, **settings: str) -> Service:
        """Start a service; settings are environment variables without the prefix SPAWN_."""
        port = free_port()
        log = self.folder / f"{name}-{release}-{port}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.code),
            "PYTHONDONTWRITEBYTECODE": "1",
            "RELEASE_ID": release,
            "POD_NAME": f"{name}-{release}-{port}",
            "NATS_URL": f"nats://127.0.0.1:{self.bus_port}",
            "SPAWN_HOST": "127.0.0.1",
            "SPAWN_PORT": str(port),
            "SPAWN_STORAGE": str(self.storage),
            "SPAWN_LINGER_SECONDS": "1",
            "SPAWN_ACK_WAIT_SECONDS": "2",
            **{f"SPAWN_{key.upper()}": value for key, value in settings.items()},
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "spawn", name], env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        service = Service(name, release, port, process, log)
        self.services.append(service)
        return service

    def wait_until_ready(self) -> None:
        """Wait for every service that was started and lives."""
        for service in self.services:
            if service.process.poll() is None:
                eventually(f"{service.name} of {service.release} is ready", service.ready)

    def find(self, name: str, release: str) -> Service:
        """Return the first service of this name and release."""
        return next(s for s in self.services if (s.name, s.release) == (name, release))
