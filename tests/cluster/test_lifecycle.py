"""The cluster is mended after any crash, and taking it down leaves the machine as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from cluster import api, namespace, up
from cluster.context import Context
from cluster.parts import health
from cluster.processes import Processes
from cluster.report import Report
from cluster.status import PARTS, status

pytestmark = [pytest.mark.cluster, pytest.mark.alone]


@pytest.fixture
def context() -> Iterator[Context]:
    """The embedded cluster, which is up before and after each test."""
    found = Context.from_environment()
    if not api.healthy(found):
        pytest.fail("the embedded cluster is not up: run `make cluster-up`, or `make test-fast` for the tests without")
    yield found
    if not all(line.good for line in status(found)):
        command("up")


def command(name: str) -> str:
    """Run a command of the cluster, and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "cluster", name], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def pids(context: Context) -> dict[str, int]:
    """The living processes of the cluster by name."""
    processes = Processes(context.run, context.logs)
    return {name: process.pid for name in PARTS if (process := processes.find(name))}


def restarts(context: Context) -> int:
    """How often containers of the cluster's own pods were started anew."""
    own = [pod for pod in api.pods(context) if pod["metadata"]["namespace"] in {"argo", "platform", "kube-system"}]
    return sum(item["restartCount"] for pod in own for item in pod["status"].get("containerStatuses", []))


def kill(process: psutil.Process) -> None:
    """Without a word of warning; it may be gone already."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def test_a_second_up_changes_nothing(context: Context) -> None:
    """Not one process is another one afterwards."""
    before = pids(context)

    command("up")

    assert pids(context) == before


@pytest.mark.parametrize(
    "killed",
    [
        ("kube-controller-manager", "kube-scheduler", "kube-proxy"),
        ("kubelet", "containerd"),
        ("etcd", "kube-apiserver"),
    ],
)
def test_up_mends_what_was_killed(context: Context, killed: tuple[str, ...]) -> None:
    """After kill -9 of any part the next `up` starts it again; no pod is restarted for it."""
    before = pids(context)
    count = restarts(context)
    for name in killed:
        psutil.Process(before[name]).kill()

    command("up")

    after = pids(context)
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in killed)
    assert all(after[name] == before[name] for name in before if name not in killed)
    assert restarts(context) == count


def test_up_starts_again_what_is_on_its_way_out(context: Context) -> None:
    """An API server that was told to end a moment ago is still found running; `up` does not take it for good."""
    ending = psutil.Process(pids(context)["kube-apiserver"])
    ending.terminate()
    # By itself it waits for a minute for open watches; `up` has found it long before it goes.
    killing = threading.Timer(5, kill, [ending])
    killing.start()

    said = command("up")

    killing.join()
    assert api.healthy(context)
    assert "starting kube-apiserver" in said
    assert pids(context)["kube-apiserver"] != ending.pid


def test_services_that_lead_nowhere_are_mended(context: Context) -> None:
    """Service addresses without rules are seen though every pod is ready, and lead somewhere again after mending."""
    processes, report = Processes(context.run, context.logs), Report()
    proxy = pids(context)["kube-proxy"]
    subprocess.run(["nft", "flush", "map", "ip", "kube-proxy", "service-ips"], check=True)

    assert any(context.dns_address in line for line in health.problems(context))
    health.wait(
        context, health.Patience(mend=5, total=120), lambda left: None, lambda: up.mend(context, processes, report)
    )

    assert health.services(context) == []
    assert pids(context)["kube-proxy"] != proxy


def test_down_leaves_nothing_and_up_brings_everything_back(context: Context) -> None:
    """No process, mount, interface, table, rule or cgroup stays, and the next start has every part ready."""
    command("down")

    assert leftovers(context) == []

    command("up")
    assert all(line.good for line in status(context))


def leftovers(context: Context) -> list[str]:
    """What is still on the machine of a cluster that was taken down."""
    found = [f"process {name}" for name in pids(context)]
    found += [f"shim {shim.pid}" for shim in namespace.shims(context)]
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    found += [line for line in mounts if str(context.state) in line]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob("**/rainbow")]
    found += [str(path) for path in namespace.covered(context).values() if path.exists() and any(path.iterdir())]
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    found += [line for line in links.splitlines() if line.startswith((context.interface, "veth"))]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    for rules in (["nft", "list", "ruleset"], ["iptables-save"]):
        text = subprocess.run(rules, capture_output=True, text=True, check=True, env=environment).stdout
        found += [line for line in text.splitlines() if "rainbow" in line or "CNI-" in line or "kube-proxy" in line]
    return found
