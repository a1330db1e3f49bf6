"""The state machine finds bugs: those of tests/deep/seeded.py, each within some thousand machine steps."""

from __future__ import annotations

import sys

import pytest

from tests.deep.chance import broken_by
from tests.deep.machine import Lifecycle
from tests.deep.seeded import SEEDED

pytestmark = pytest.mark.slow

EXAMPLES = 30  # of about 50 machine steps
# Those that are found soon; the others take more steps than there is time for here.
SOON = [
    "NaN is counted as zero",
    "no series is counted as zero",
    "no answer is counted as zero",
    "retention.keep is ignored",
    "a breach is no breach",
]
SEED = 31


@pytest.mark.parametrize("bug", SOON)
def test_the_machine_finds_it(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In so many machine steps as it says; without the bug the same seed finds nothing (test_lifecycle_machine.py)."""
    before = Lifecycle.count
    SEEDED[bug](monkeypatch)
    error = broken_by(SEED, EXAMPLES)
    assert isinstance(error, AssertionError), f"not found in {Lifecycle.count - before} machine steps, but {error!r}"
    sys.stdout.write(f"{bug}: found in {Lifecycle.count - before} machine steps\n")
