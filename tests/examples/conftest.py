"""A real NATS server and spawn's services as processes on this machine, on ports of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from spawn_fleet import Fleet

SPAWN = Path(__file__).parents[2] / "examples" / "spawn"


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Releases v1 and v2, each an API and a worker, and the storage worker; shared by tests that break nothing."""
    with Fleet(tmp_path_factory.mktemp("fleet"), SPAWN) as fleet:
        for release in ("v1", "v2"):
            fleet.start("api", release)
            fleet.start("worker", release)
        fleet.start("storage", "outside")
        fleet.wait_until_ready()
        yield fleet


@pytest.fixture
def own_fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A bus and no services yet, for a test that breaks things."""
    with Fleet(tmp_path, SPAWN) as fleet:
        yield fleet
