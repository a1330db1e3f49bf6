"""What it costs to have a step waiting for hours: CPU to start it, memory while it waits (P5).

Measured on the very pod of a release that drains; its start is measured against a bare Python in the same image.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from bench.measure import Measure

RUNS = 5
GOAL_CPU = 0.3
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


def _cpu(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
