"""What it costs to have a step waiting for hours: CPU to start it, memory while it waits (P5).

Both against a bare Python: what remains is what the step and its clients need. A start is measured where starts happen,
in a pod of the step image: there all code is compiled beforehand, in a checkout it may not be.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from demo.stage import clear

from bench.measure import Measure
from cluster.context import Context
from cluster.parts.images import references
from rainbow.adapters.kube import POD, Kube, connect

NAMESPACE = "bench-start"
RUNS = 7
GOAL_CPU = 0.3
GOAL_MIB = 64
WATCHED = 20.0  # seconds; long enough for several looks at everything
RAINBOW = str(Path(sys.executable).parent / "rainbow")
# The start ends where the step would first ask the cluster: there is none at this address. The first run of each, which
# reads its files from the disk, does not count.
_STARTS = """
import json, os, resource, subprocess, sys

def cpu(*command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=os.environ | {"KUBECONFIG": "/nonexistent"}, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

step = ("rainbow", "step", "wait-for-drain", "--namespace=x", "--app=x", "--release=x")
pairs = [(cpu(*step), cpu("python3", "-c", "pass")) for _ in range(int(sys.argv[1]) + 1)]
print(json.dumps(list(zip(*pairs[1:]))))
"""


def waiting_step() -> list[Measure]:
    """CPU seconds of a start, against Python itself."""
    kube, image = connect(), references(Context.from_environment()).step
    clear(kube, NAMESPACE)
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    try:
        ours, bare = (statistics.median(runs) for runs in _starts(kube, image))
    finally:
        clear(kube, NAMESPACE)
    return [
        Measure(
            name="waiting step: CPU to start",
            ours=f"{ours:.2f} s",
            against=f"bare Python {bare:.2f} s",
            ratio=ours / bare,
            goal=f"≤ {GOAL_CPU} s",
            met=ours <= GOAL_CPU,
        )
    ]


def _starts(kube: Kube, image: str) -> list[list[float]]:
    """CPU seconds of each start of the step, and of each of Python."""
    container = {"name": "main", "image": image, "command": ["python3", "-c", _STARTS, str(RUNS)]}
    meta = {"name": "start", "namespace": NAMESPACE}
    spec = {"containers": [container], "restartPolicy": "Never"}
    kube.create({"apiVersion": POD.api_version, "kind": POD.kind, "metadata": meta, "spec": spec})
    deadline = time.monotonic() + 120
    while (phase := _phase(kube)) != "Succeeded":
        if phase == "Failed" or time.monotonic() > deadline:
            raise RuntimeError(f"the pod {NAMESPACE}/start is {phase}: look at its log and its events")
        time.sleep(0.5)
    found: list[list[float]] = json.loads(kube.pod_log(NAMESPACE, "start", "main"))
    return found


def _phase(kube: Kube) -> str:
    pod: dict[str, Any] = kube.get(POD, NAMESPACE, "start") or {}
    return str(pod.get("status", {}).get("phase", "gone"))


def waiting_memory(namespace: str, release: str, prometheus: str, nats: str) -> Measure:
    """Peak resident memory of the step while it waits for the releases before this one."""
    step = [RAINBOW, "step", "wait-for-drain", "--namespace", namespace, "--app", "spawn", "--release", release]
    ours = _peak([*step, "--prometheus-url", prometheus, "--nats-url", nats])
    bare = _peak([sys.executable, "-c", "import time; time.sleep(2)"])
    return Measure(
        name="waiting step: peak memory",
        ours=f"{ours:.0f} MiB",
        against=f"bare Python {bare:.0f} MiB",
        ratio=ours / bare,
        goal=f"≤ {GOAL_MIB} MiB",
        met=ours <= GOAL_MIB,
    )


def _peak(command: list[str]) -> float:
    """MiB; the process is stopped when it was watched for long enough (proc(5), VmHWM)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    status, peak, deadline = Path(f"/proc/{process.pid}/status"), 0.0, time.monotonic() + WATCHED
    while process.poll() is None and time.monotonic() < deadline:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = max(peak, int(line.split()[1]) / 1024)
        time.sleep(0.2)
    process.terminate()
    process.wait()
    return peak
