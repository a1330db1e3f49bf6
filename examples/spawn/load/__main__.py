"""The load by hand: `python -m load --seconds 30`; prints the summary as JSON, exit 1 if users would have noticed."""

from __future__ import annotations

import argparse
import json
import sys
import time

from load.plan import Plan
from load.run import Load


def main() -> int:
    """Run the load for the seconds given; returns the exit code."""
    parser = argparse.ArgumentParser(prog="load", description="Requests and tasks as users of spawn send them.")
    parser.add_argument("--url", default=Plan.url)
    parser.add_argument("--host", default=Plan.host)
    parser.add_argument("--rate", type=float, default=Plan.rate, help="requests a second")
    parser.add_argument("--tasks", type=float, default=Plan.tasks_per_second, help="tasks a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long tasks are started")
    given = parser.parse_args()
    load = Load(Plan(given.url, given.host, given.rate, given.tasks))
    load.start()
    try:
        time.sleep(given.seconds)
    except KeyboardInterrupt:
        print("load: following the tasks to their end", file=sys.stderr)  # noqa: T201
    results = load.stop()
    print(json.dumps(results.summary(), indent=2))  # noqa: T201
    return 0 if results.harmless else 1


if __name__ == "__main__":
    raise SystemExit(main())
