"""The rules of the design hold, whatever is run, killed, overtaken or deceived."""

from __future__ import annotations

import os
import sys

import pytest

from tests.deep.chance import run
from tests.deep.machine import Lifecycle

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("RAINBOW_DEEP_SEED", "20260504"))
EXAMPLES = int(os.environ.get("RAINBOW_DEEP_EXAMPLES", "80"))


def test_nothing_live_is_harmed_whatever_happens() -> None:
    """A fixed small budget, the same examples each time; `make test-deep` goes on for a million machine steps."""
    run(SEED, EXAMPLES)
    sys.stdout.write(f"seed {SEED}: {Lifecycle.count} machine steps in {EXAMPLES} examples\n")
