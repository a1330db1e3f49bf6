"""Waiting for releases to drain, on the cluster: real pods, its real Prometheus, its real API server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shop import APP, Shop, eventually

from cluster.context import Context
from rainbow.adapters.kube import Kube
from rainbow.adapters.records import note
from rainbow.adapters.world import World
from rainbow.errors import TemporaryError
from rainbow.model.release import Phase
from steps.wait_for_drain import RULES, Params, run

pytestmark = pytest.mark.cluster


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context) -> Shop:
    """An app in a namespace of its own."""
    return Shop(kube, namespace, f"http://127.0.0.1:{context.ports.prometheus}")


def params(shop: Shop, release: str = "v2", *, max_wait: str = "60s", dry_run: bool = False) -> Params:
    """Parameters of the step."""
    return Params.model_validate(
        {"namespace": shop.namespace, "app": APP, "release": release, "max_wait": max_wait, "dry_run": dry_run}
    )


def test_it_waits_for_the_last_task_and_notes_what_it_sees(shop: Shop) -> None:
    """Busy as long as the metric says so; drained after zeros in a row; the record tells each of it (S8)."""
    shop.release("v1", tasks="2")
    shop.current("v2")
    shop.scraped("v1")
    waiting = threading.Thread(target=run, args=(params(shop, max_wait="120s"), shop.world))
    waiting.start()
    eventually(lambda: shop.record("v1").status.tasks == "2", "two tasks are noted")
    assert shop.record("v1").status.phase is Phase.DRAINING
    assert shop.record("v1").status.blocker == "2 active tasks"
    assert waiting.is_alive()
    shop.set_tasks("v1", "tasks 0")
    waiting.join(60)
    assert not waiting.is_alive()
    status = shop.record("v1").status
    assert (status.phase, status.tasks, status.blocker) == (Phase.DRAINED, "0", None)
    assert status.drained_at is not None
    assert "v1: 2 active tasks" in shop.said
    assert "v1: no active task in" in shop.said
    assert shop.record("v2").status.phase is Phase.CURRENT


def test_it_waits_until_the_release_is_old_enough(shop: Shop) -> None:
    """No task since long, but the minimum age is not over (S9): noted as drained, and still waited for."""
    config = shop.config(minimumAge="1h")
    shop.release("v1", app=config)
    shop.current("v2")
    shop.scraped("v1")
    with pytest.raises(TemporaryError, match="younger than 1h"):
        run(params(shop, max_wait="4s"), shop.world)
    status = shop.record("v1").status
    assert (status.phase, status.tasks, status.blocker) == (Phase.DRAINED, "0", "younger than the minimum age")


def test_unknown_is_waited_for(shop: Shop) -> None:
    """What cannot be known is not zero (B1): never drained, and each record says why."""
    plain = shop.config().drain.prometheus.query
    troubles: dict[str, tuple[str, dict[str, str]]] = {
        "nan": ("nan", {}),
        "untargeted": ("no target for running pod worker-untargeted", {}),
        "deaf": ("did not answer", {"url": "http://127.0.0.1:1"}),
        "double": ("2 series", {"query": plain.removeprefix("sum(").removesuffix(")")}),
        "misnamed": ("no series", {"query": plain.replace("tasks", "nothing")}),
        "silent": ("0 of 1 running pods export", {"reporting": plain.replace("sum(tasks", "count(nothing")}),
    }
    for name, (_, drain) in troubles.items():
        tasks = "NaN" if name == "nan" else "0"
        shop.release(name, tasks=tasks, scraped=name != "untargeted", app=shop.config(**drain))
    shop.current("v2")
    shop.running(*troubles)
    shop.set_tasks("double", 'tasks{q="x"} 0%0Atasks{q="y"} 0')
    shop.scraped(*(name for name in troubles if name != "untargeted"))

    def all_named() -> bool:
        return all(reason in _look_again(shop, name) for name, (reason, _) in troubles.items())

    eventually(all_named, "each record says why")
    for name in troubles:
        _look_again(shop, name)
        status = shop.record(name).status
        assert (status.phase, status.tasks, status.drained_at) == (Phase.DRAINING, "unknown", None)


def _look_again(shop: Shop, name: str) -> str:
    """One look, at whose end something is still waited for; the blocker that it left on the record."""
    with pytest.raises(TemporaryError, match="start the step again"):
        run(params(shop, max_wait="0s"), shop.world)
    return shop.record(name).status.blocker or ""


def test_a_release_that_becomes_current_again_is_not_waited_for(shop: Shop) -> None:
    """A rollback while it drains ends the waiting for it (S10)."""
    shop.release("v1", tasks="1")
    shop.current("v2")
    shop.scraped("v1")
    waiting = threading.Thread(target=run, args=(params(shop), shop.world))
    waiting.start()
    eventually(lambda: "1 active task" in shop.said, "it is waited for")
    shop.point_at("v1")
    waiting.join(20)
    assert not waiting.is_alive()
    assert "v1: need not be waited for any more" in shop.said


def test_a_release_that_is_deleted_meanwhile_is_not_waited_for(shop: Shop) -> None:
    """Another workflow may be quicker."""
    v1 = shop.release("v1", tasks="1")
    shop.current("v2")
    shop.scraped("v1")
    waiting = threading.Thread(target=run, args=(params(shop), shop.world))
    waiting.start()
    eventually(lambda: "1 active task" in shop.said, "it is waited for")
    note(shop.kube, v1, phase=Phase.DELETED, deleted_at=datetime.now(UTC))
    waiting.join(20)
    assert not waiting.is_alive()


def test_a_demotion_that_nobody_noted_counts_from_now(shop: Shop) -> None:
    """A switch that was killed before its notes: the release is as young as what can be known of it (S9)."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    shop.release("v1", phase=Phase.CURRENT, demoted_at=None, traffic="100%")
    shop.current("v2")
    shop.scraped("v1")
    run(params(shop), shop.world)
    status = shop.record("v1").status
    assert status.demoted_at is not None
    assert status.demoted_at >= before
    assert (status.phase, status.traffic) == (Phase.DRAINED, "-")


class Away(Kube):
    """The real API server, which does not answer for a while, as while it is replaced."""

    def __init__(self, kube: Kube, calls: range) -> None:
        super().__init__(kube.client, attempts=1)
        self.calls, self.count = calls, 0

    def _once(self, *arguments: Any) -> str:
        self.count += 1
        if self.count in self.calls:
            raise TemporaryError("connection refused")
        return super()._once(*arguments)


def test_an_api_server_that_is_away_is_waited_for(shop: Shop) -> None:
    """It ends neither the waiting nor the release."""
    shop.release("v1")
    shop.current("v2")
    shop.scraped("v1")
    kube = Away(shop.kube, range(8, 12))
    run(params(shop), World(kube=kube, say=shop.lines.append))
    assert kube.count > 12
    assert "cannot be asked" in shop.said
    assert shop.record("v1").status.phase is Phase.DRAINED


def test_its_rights_are_enough(shop: Shop) -> None:
    """With the Role of its RULES and nothing else it sees and notes everything."""
    shop.release("v1")
    shop.current("v2")
    shop.scraped("v1")
    run(params(shop), World(kube=shop.limited(RULES), say=shop.lines.append))
    assert shop.record("v1").status.phase is Phase.DRAINED


def test_dry_run_says_what_would_be_waited_for_and_changes_nothing(shop: Shop) -> None:
    """One look and no note."""
    before = shop.release("v1", tasks="1")
    shop.current("v2")
    shop.scraped("v1")
    run(params(shop, dry_run=True), shop.world)
    assert shop.said.startswith("v1: ")
    assert shop.record("v1").resource_version == before.resource_version


def test_nothing_to_wait_for_ends_at_once(shop: Shop) -> None:
    """The first release replaces nobody."""
    shop.current("v2")
    run(params(shop, max_wait="0s"), shop.world)
    assert shop.said == "no earlier release is left to wait for"


def test_progress_is_told_to_argo(shop: Shop, tmp_path: Path) -> None:
    """done/all, as Argo reads it."""
    shop.release("v1", tasks="0")
    shop.current("v2")
    shop.scraped("v1")
    run(params(shop), World(kube=shop.kube, say=shop.lines.append, progress=tmp_path / "progress"))
    assert (tmp_path / "progress").read_text() == "1/1"


def test_it_stops_promptly_and_stays_small(shop: Shop) -> None:
    """SIGTERM ends it with exit code 75 within a second or so; meanwhile it takes at most 64 MiB (P5)."""
    shop.release("v1", tasks="1")
    shop.current("v2")
    shop.scraped("v1")
    names = ["--namespace", shop.namespace, "--app", APP, "--release", "v2"]
    command = [Path(sys.executable).parent / "rainbow", "step", "wait-for-drain", *names]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        assert "v1" in process.stdout.readline()
        time.sleep(6)
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 75, errors
    assert time.monotonic() - begun < 2
    assert "run the step again" in errors
    assert peak <= 64, f"{peak:.0f} MiB"
