"""What it costs to have a step waiting for hours: CPU to start it, memory while it waits (P5).

Both against a bare Python: what remains is what the step and its clients need.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.measure import Measure

RUNS = 5
GOAL_CPU = 0.3
GOAL_MIB = 64
WATCHED = 20.0  # seconds; long enough for several looks at everything
RAINBOW = str(Path(sys.executable).parent / "rainbow")


def waiting_step() -> list[Measure]:
    """CPU seconds of a start, against Python itself."""
    # The start ends where the step would first ask the cluster: there is none at this address.
    environment = os.environ | {"KUBECONFIG": "/nonexistent"}
    step = [RAINBOW, "step", "wait-for-drain", "--namespace=x", "--app=x", "--release=x"]
    ours = statistics.median(_cpu(step, environment) for _ in range(RUNS))
    bare = statistics.median(_cpu([sys.executable, "-c", "pass"], environment) for _ in range(RUNS))
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


def _cpu(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
