"""`make test-deep`: the state machine for as many machine steps as asked for, in batches, each by a seed of its own.

What is counted are the rules that ran, as `Lifecycle.count` has it; bringing each example to its end is not counted.
A batch that fails prints its smallest example and its seed; SEED=… BATCHES=1 runs that one batch again, and SEED=…
goes on where an earlier run was broken off.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback

from tests.deep.chance import Broken, run
from tests.deep.machine import Lifecycle
from tests.deep.test_lifecycle_machine import SEED

EXAMPLES = 100  # of one batch


def batch(seed: int) -> tuple[int, int, str]:
    """Its seed, how many machine steps it was, and what went wrong."""
    Lifecycle.count = 0
    try:
        run(seed, EXAMPLES)
    except Broken as error:
        where = traceback.format_tb(error.__cause__.__traceback__ if error.__cause__ else None)
        return seed, Lifecycle.count, f"{error}\n{''.join(where[-6:])}"
    return seed, Lifecycle.count, ""


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run; 1 when a batch failed."""
    parser = argparse.ArgumentParser(prog="make test-deep")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--batches", type=int, default=sys.maxsize)
    parser.add_argument("--processes", type=int, default=2)
    wanted = parser.parse_args()
    begun, done, failed, last = time.monotonic(), 0, 0, wanted.seed
    seeds = range(wanted.seed, wanted.seed + min(wanted.batches, wanted.steps))
    # A round at a time: what a pool is given, it runs, long after there were enough.
    with multiprocessing.get_context("spawn").Pool(wanted.processes, maxtasksperchild=20) as pool:
        for start in range(0, len(seeds), wanted.processes):
            for seed, count, wrong in pool.map(batch, seeds[start : start + wanted.processes], chunksize=1):
                done, last, failed = done + count, seed, failed + bool(wrong)
                rate = done / (time.monotonic() - begun)
                _say(f"seed {seed}: {done} machine steps so far, {rate:.0f} a second\n{wrong}".rstrip())
            if done >= wanted.steps or failed:
                break
    _say(f"seeds {wanted.seed} to {last}: {done} machine steps, batches that failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
