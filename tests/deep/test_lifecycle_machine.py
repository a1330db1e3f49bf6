"""The rules of the design hold, whatever is run, killed, overtaken or deceived."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.deep.machine import Lifecycle

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("RAINBOW_DEEP_SEED", "20260504"))
EXAMPLES = int(os.environ.get("RAINBOW_DEEP_EXAMPLES", "80"))
STEPS = 50  # machine steps of one example, at most


def test_nothing_live_is_harmed_whatever_happens() -> None:
    """A fixed small budget, the same examples each time; `make test-deep` goes on for a million machine steps."""
    run(SEED, EXAMPLES)
    sys.stdout.write(f"seed {SEED}: {Lifecycle.count} machine steps in {EXAMPLES} examples\n")


def run(number: int, examples: int) -> None:
    """That many examples by one seed."""
    budget = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(seed(number)(Lifecycle), settings=budget)
