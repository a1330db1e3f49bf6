"""Prometheus knows every pod that asks to be scraped, from its address to its end."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster import toolchain
from cluster.context import Context
from cluster.parts import discover, golang, manifests
from cluster.parts.command import run
from cluster.parts.images import BASE
from cluster.report import Report

# Needs five seconds for its last task when it is told to end.
SERVER = """
import http.server, os, signal, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"tasks 1\\n")
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: threading.Timer(5, os._exit, [0]).start())
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
ENDS_IN = 5.0


@pytest.fixture
def context() -> Context:
    """The embedded cluster."""
    found = Context.from_environment()
    if not found.kubeconfig.exists():
        pytest.fail("there is no embedded cluster: run `make cluster-up`, or `make test-fast` for the tests without")
    return found


@pytest.fixture
def namespace(context: Context) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-discover-{uuid.uuid4().hex[:8]}"
    manifests.kubectl(context, "create", "namespace", name)
    yield name
    manifests.kubectl(context, "delete", "namespace", name, "--wait=false")


def start(context: Context, namespace: str) -> None:
    """Start a pod of a release that asks to be scraped."""
    container = {"name": "worker", "image": BASE, "command": ["python3", "-c", SERVER]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "worker",
            "namespace": namespace,
            "labels": {"rainbow.dev/app": "shop", "rainbow.dev/release": "v1"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8000"},
        },
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 20},
    }
    manifests.kubectl(context, "create", "-f", "-", stdin=json.dumps(pod))


def ask(context: Context, query: str) -> list[dict[str, Any]]:
    """The series that a query gives now."""
    address = f"http://127.0.0.1:{context.ports.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def eventually(holds: Callable[[], object], what: str, seconds: float) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def value(context: Context, query: str) -> float | None:
    """The one value that a query gives, or None."""
    found = ask(context, query)
    return float(found[0]["value"][1]) if found else None


@pytest.mark.slow
def test_the_programs_own_tests_pass(context: Context) -> None:
    """Which pods are targets, with which addresses and labels: a table beside the code."""
    toolchain.ensure(context, Report())
    flags = [flag for flag in golang.COMPILER_FLAGS if flag != "-v"]
    run("go", "test", *flags, "./...", directory=discover.MODULE.source, environment=golang.compiling())


@pytest.mark.cluster
@pytest.mark.slow
def test_a_pod_is_a_target_from_its_start_to_its_very_end(context: Context, namespace: str) -> None:
    """It has the promised labels, stays while it finishes, and its series ends with it, not five minutes later."""
    up = f'up{{namespace="{namespace}"}}'
    start(context, namespace)
    eventually(lambda: value(context, up) == 1, "the new pod is scraped", 60)
    labels = {key: text for key, text in ask(context, up)[0]["metric"].items() if key != "instance"}
    promised = {"namespace": namespace, "pod": "worker", "app": "shop", "release": "v1"}
    assert labels == {"__name__": "up", "job": "pods", **promised}

    manifests.kubectl(context, "--namespace", namespace, "delete", "pod", "worker", "--wait=false")
    ended = time.monotonic() + ENDS_IN
    while time.monotonic() < ended - 1:
        assert value(context, up) == 1
        assert (value(context, f"time() - timestamp({up})") or 0) < 4
        time.sleep(0.5)
    eventually(lambda: ask(context, up) == [], "the series of the ended pod has ended", 40)


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.long
def test_no_target_is_lost_while_discovery_starts_anew(context: Context, namespace: str) -> None:
    """The file stays as it is when the program that keeps it dies; it goes on with the next start."""
    up = f'up{{namespace="{namespace}"}}'
    start(context, namespace)
    eventually(lambda: value(context, up) == 1, "the new pod is scraped", 60)

    killed = time.time()
    restarts = _kill_discovery(context)
    eventually(lambda: _restarts(context) > restarts, "discovery was started anew", 60)
    eventually(lambda: time.time() - killed > 15, "seven scrapes later", 60)

    assert (value(context, f"count_over_time({up}[14s])") or 0) >= 6
    assert value(context, f"min_over_time({up}[14s])") == 1
    manifests.kubectl(context, "--namespace", namespace, "delete", "pod", "worker")
    eventually(lambda: ask(context, up) == [], "a later change is seen again", 40)


def _pod(context: Context) -> dict[str, Any]:
    selector = "app.kubernetes.io/name=prometheus"
    text = manifests.kubectl(context, "--namespace", "platform", "get", "pods", "-l", selector, "-o", "json")
    [pod] = json.loads(text)["items"]
    found: dict[str, Any] = pod
    return found


def _discovery(context: Context) -> dict[str, Any]:
    statuses = _pod(context)["status"]["containerStatuses"]
    [found] = [status for status in statuses if status["name"] == "discover"]
    status: dict[str, Any] = found
    return status


def _restarts(context: Context) -> int:
    status = _discovery(context)
    return int(status["restartCount"]) if status["ready"] else 0


def _kill_discovery(context: Context) -> int:
    """Kill the program through the container runtime; return how often it had been started anew before."""
    status = _discovery(context)
    container = status["containerID"].removeprefix("containerd://")
    client = ("ctr", "--address", str(context.containerd_socket), "--namespace", "k8s.io")
    run(*client, "tasks", "kill", "--signal", "SIGKILL", container)
    return int(status["restartCount"])
