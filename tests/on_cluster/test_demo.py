"""`make demo`, as a newcomer runs it: the main job, with its own verdict and its report."""

import json
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.alone, pytest.mark.timeout(900)]
CHECKOUT = Path(__file__).resolve().parents[2]


def test_nobody_notices_three_releases(tmp_path: Path) -> None:
    """Requests without pause, tasks that outlast the switches, three releases at once (S1, S2, S3, S8, S9)."""
    path = tmp_path / "report.json"
    command = ["make", "demo", f"DEMO_REPORT={path}"]
    answer = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    report = json.loads(path.read_text())
    assert report["requests"]["sent"] > 1000
    assert report["requests"]["failed"] == 0
    tasks = report["tasks"]
    assert tasks["started"] == tasks["finished"] > 50
    assert (tasks["lost"], tasks["finished_on_another_release"], tasks["still_running"]) == (0, 0, 0)
    assert report["releases_live_at_once"] == 3
    first, second, third = report["releases"]
    assert [lane["phase"] for lane in report["releases"]] == ["Deleted", "Deleted", "Current"]
    assert second["live"] < third["live"] < first["deleted"], "spawn 3 was live before spawn 1 had drained"
    for older in (first, second):
        assert (
            older["deployed"] < older["tested"] < older["live"] < older["demoted"] < older["drained"] < older["deleted"]
        )
        assert older["tasks"] > 0
        stayed = datetime.fromisoformat(older["deleted"]) - datetime.fromisoformat(older["demoted"])
        assert stayed.total_seconds() >= 20, "younger than the minimum age (S9)"
    assert all(lane["switch_ms"] is not None for lane in (second, third))
    assert "Nobody noticed." in answer.stdout
