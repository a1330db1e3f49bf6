"""`rainbow status` and `history` against the real API server and the real controller, as people call them."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from spawn_app import RAINBOW, eventually
from tiny import APP, Tiny

from rainbow.adapters.kube import WORKFLOW, Kube
from rainbow.adapters.records import note
from rainbow.model.names import release_labels
from rainbow.model.release import Phase

pytestmark = pytest.mark.cluster


@contextmanager
def watching(*arguments: str) -> Iterator[list[str]]:
    """The lines of a `status --watch` that runs beside the test; Ctrl-C ends it, with 130."""
    # What runs in the background may have been told to ignore Ctrl-C, and its children with it.
    command = ["env", "--default-signal=INT", RAINBOW, "status", *arguments, "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines: list[str] = []
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            yield lines
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130


def at_the_gate(kube: Kube, namespace: str) -> None:
    """A workflow at work on v2 that waits for an answer; the real controller runs it, and no pod is needed."""
    steps = [[{"name": "approval", "template": "ask"}]]
    templates = [{"name": "main", "steps": steps}, {"name": "ask", "suspend": {}}]
    meta = {"name": f"release-{APP}-v2", "namespace": namespace, "labels": release_labels(APP, "v2")}
    labels = meta["labels"] | {"workflows.argoproj.io/workflow-template": "release"}  # type: ignore[operator]
    spec = {"entrypoint": "main", "templates": templates}
    kube.create(
        {
            "apiVersion": WORKFLOW.api_version,
            "kind": WORKFLOW.kind,
            "metadata": meta | {"labels": labels},
            "spec": spec,
        }
    )


def test_a_change_is_on_the_screen_when_it_happens(kube: Kube, namespace: str) -> None:
    """By watches on the records and the workflows; what a person has to answer is said with the command."""
    tiny = Tiny(kube, namespace)
    tiny.submit("v1")
    note(kube, tiny.record("v1"), phase=Phase.DRAINING, tasks="3", blocker="3 active tasks")
    with watching("-n", namespace) as lines:

        def told(text: str) -> bool:
            return any(text in line for line in lines)

        eventually("the first look", lambda: told("v1  Draining  -  3 tasks  3 active tasks"))
        begun = time.monotonic()
        note(kube, tiny.record("v1"), tasks="2", blocker="2 active tasks")
        eventually("a change of a record", lambda: told("2 tasks  2 active tasks"))
        assert time.monotonic() - begun < 20  # it is half a second when nothing else runs
        tiny.submit("v2")
        at_the_gate(kube, namespace)
        eventually(
            "a step of a workflow", lambda: told(f"approval  an answer: rainbow approve -n {namespace} {APP} v2")
        )
    # Each change once, however often it was looked at.
    assert len([line for line in lines if "2 tasks" in line]) == 1, lines


def test_history_outlives_the_releases(kube: Kube, namespace: str) -> None:
    """Who, when, how long, and what became of it, out of the records that stay (B9)."""
    tiny, at = Tiny(kube, namespace), datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    tiny.submit("v1")
    gone = {"phase": Phase.DELETED, "live_at": at, "demoted_at": at.replace(hour=15), "deleted_at": at.replace(hour=17)}
    note(kube, tiny.record("v1"), **gone)
    tiny.submit("v2")
    note(kube, tiny.record("v2"), phase=Phase.FAILED, failed_at=at, message="2 tests failed")

    def said(*words: str) -> Any:
        done = subprocess.run([RAINBOW, *words], capture_output=True, text=True, check=True, timeout=120)
        return json.loads(done.stdout)

    first, second = said("history", "-n", namespace, APP, "-o", "json")["releases"]
    assert (first["release"], first["liveSeconds"], first["became"]) == ("v1", 3 * 3600, "deleted 2026-05-04T17:00Z")
    assert (second["release"], second["liveSeconds"], second["became"]) == ("v2", None, "failed: 2 tests failed")
    (app,) = said("-n", namespace, "status", "-o", "json")["apps"]
    assert [one["release"] for one in app["releases"]] == ["v2"]
    assert app["current"] is None
