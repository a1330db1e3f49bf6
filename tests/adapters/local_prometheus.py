"""A real Prometheus on this machine, scraping small exporters whose answers the test decides."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from cluster.parts.debian import unpacked

SCRAPE = "200ms"


class Answering:
    """An HTTP server that gives the same answer to everything; `None` as body: it takes the call and says nothing."""

    def __init__(self, body: str | None = "", status: int = 200) -> None:
        self.body, self.status, self.asked = body, status, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                if outer.body is None:
                    time.sleep(3)
                    return
                text = outer.body.encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Nobody answers at this address any more."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class LocalPrometheus:
    """The process, and the pods of namespace `spawn` that it scrapes from its start on."""

    folder: Path
    url: str
    process: subprocess.Popen[bytes]
    pods: dict[str, Answering]

    def forget(self, name: str) -> None:
        """The pod goes on, but is no target any more. Prometheus notices within about five seconds."""
        _write_targets(self.folder, {pod: server for pod, server in self.pods.items() if pod != name})

    def signal(self, number: signal.Signals) -> None:
        """Stop, continue or end the process."""
        self.process.send_signal(number)


def cache() -> Path:
    """Where downloads are kept, as for the embedded cluster."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("RAINBOW_CACHE") or Path(base) / "rainbow")


@contextmanager
def local_prometheus(
    folder: Path, metrics: Mapping[str, str], *, jobs: Sequence[Mapping[str, object]] = (), rules: str = ""
) -> Iterator[LocalPrometheus]:
    """Start one, with Debian's binary, and a pod for each name with these metrics; all ends with the test.

    `jobs`: what it scrapes besides, as in its configuration. `rules`: the text of a rule file, evaluated all the time.
    """
    program = unpacked("prometheus", cache()) / "usr/bin/prometheus"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    pods = {name: Answering(text) for name, text in metrics.items()}
    _write_targets(folder, pods)
    discovery = [{"files": [str(folder / "targets.json")], "refresh_interval": "300ms"}]
    scraping = {"job_name": "pods", "file_sd_configs": discovery}
    (folder / "rules.yml").write_text(rules)
    config = {
        "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE},
        "scrape_configs": [scraping, *jobs],
        "rule_files": [str(folder / "rules.yml")] if rules else [],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *arguments, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        eventually(lambda: _listening(address), "Prometheus listens")
        yield LocalPrometheus(folder, f"http://{address}", process, pods)
    finally:
        process.kill()
        process.wait()
        for pod in pods.values():
            pod.close()


def _write_targets(folder: Path, pods: Mapping[str, Answering]) -> None:
    targets = [
        {"targets": [pod.address], "labels": {"namespace": "spawn", "pod": name, "release": "v1"}}
        for name, pod in pods.items()
    ]
    partial = folder / "targets.partial"
    partial.write_text(json.dumps(targets))
    os.replace(partial, folder / "targets.json")


def eventually(holds: Callable[[], bool], what: str, seconds: float = 15) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def _listening(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0
