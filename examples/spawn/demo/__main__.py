"""`make demo`: release spawn three times under load, and show what its users noticed. Exit 1 if they did."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from load import Load, Plan
from rich.console import Console

from cluster.context import Context
from cluster.parts import git
from demo.stage import Repository, clear, copy_spawn, rainbow, storage_worker
from demo.timeline import Timeline, draw, report
from rainbow.adapters.kube import DEPLOYMENT, Kube, connect
from rainbow.adapters.records import list_releases, read_release
from rainbow.errors import RainbowError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.release import Phase, Release

APP = "spawn"
NAMESPACE = "spawn-demo"
HOST = f"{NAMESPACE}.localhost"
REPOSITORY = "spawn-demo"
# Some tasks outlast the next switch by a minute.
TASK_SECONDS = (1, 2, 5, 1, 10, 3, 1, 75, 2, 20)
LAST_TASKS = 5.0  # seconds
PATIENCE = 420.0  # seconds for the older releases to drain and go


def main() -> int:
    """Play the demo. Returns the exit code."""
    timeline = Timeline(Console())
    context, kube = Context.from_environment(), connect()
    with tempfile.TemporaryDirectory(prefix="rainbow-demo-") as name:
        folder = Path(name)
        repository = _prepare(context, kube, timeline, folder)
        with storage_worker(f"nats://127.0.0.1:{context.ports.nats}", folder):
            data = _play(kube, timeline, repository, f"http://127.0.0.1:{context.ports.traefik}")
    draw(data, timeline.console)
    if path := os.environ.get("DEMO_REPORT"):
        Path(path).write_text(json.dumps(data, indent=2) + "\n")
    good = data["harmless"] and data["releases_live_at_once"] >= 3 and not data["unfinished"]
    timeline.console.print("[bold green]Nobody noticed.[/]" if good else "[bold red]Somebody noticed: see above.[/]")
    return 0 if good else 1


def _prepare(context: Context, kube: Kube, timeline: Timeline, folder: Path) -> Repository:
    if clear(kube, NAMESPACE):
        timeline.say(f"removed the namespace {NAMESPACE} of an earlier demo")
    rainbow("install", "--namespace", NAMESPACE)
    timeline.say(f"installed the workflow templates and roles into namespace {NAMESPACE}")
    (folder / REPOSITORY).mkdir()
    copy_spawn(folder / REPOSITORY, NAMESPACE)
    push_url = git.create(context, REPOSITORY)
    return Repository(folder / REPOSITORY, push_url, git.inside(REPOSITORY))


def _play(kube: Kube, timeline: Timeline, repository: Repository, url: str) -> dict[str, Any]:
    # A worker of an earlier demo may still be finishing its tasks on this bus; these ids are of this demo alone.
    run = time.strftime("%H%M%S")
    ids = [f"v{n}-{run}" for n in (1, 2, 3)]
    _release(timeline, repository, ids[0])
    load = Load(Plan(url=url, host=HOST, rate=30, task_seconds=TASK_SECONDS))
    load.start()
    timeline.say("users arrive: requests without pause, and a task every second")
    time.sleep(5)
    for release in ids[1:]:
        _release(timeline, repository, release)
    most_live = _deployed(kube)
    timeline.say(f"{most_live} releases are deployed side by side")
    # Long tasks begun on the last release would only keep the audience.
    load.start_no_longer_than(LAST_TASKS)
    unfinished = _wait_for_deletion(kube, timeline, load, ids[:-1])
    load.stop_starting_tasks()
    timeline.say("no new tasks; those that run are followed to their end")
    results = load.stop()
    releases = [read_release(kube, NAMESPACE, APP, release) for release in ids]
    return report(results, releases, most_live, timeline) | {"unfinished": unfinished}


def _release(timeline: Timeline, repository: Repository, release: str) -> None:
    commit = repository.commit(release)
    timeline.say(f"releasing spawn {release} (commit {commit[:8]})")
    answer = rainbow(
        *("release", "--file", str(repository.folder / "rainbow.yaml"), "--release", release),
        *("--source", f"{repository.pull_url}#{commit}", "--output", "json"),
    )
    took = ", ".join(f"{step['name']} {_seconds(step):.0f} s" for step in json.loads(answer)["steps"] if _seconds(step))
    timeline.say(f"spawn {release} is live ({took})", release=release)


def _seconds(step: dict[str, Any]) -> float:
    if not (step["startedAt"] and step["finishedAt"]):
        return 0
    return (datetime.fromisoformat(step["finishedAt"]) - datetime.fromisoformat(step["startedAt"])).total_seconds()


def _deployed(kube: Kube) -> int:
    deployments = kube.list(DEPLOYMENT, NAMESPACE, labels=f"{APP_LABEL}={APP}")
    ready = [d for d in deployments if d["status"].get("readyReplicas", 0) > 0]
    return len({d["metadata"]["labels"][RELEASE_LABEL] for d in ready})


def _wait_for_deletion(kube: Kube, timeline: Timeline, load: Load, releases: list[str]) -> list[str]:
    """Until the older releases have deleted themselves; returns those that have not."""
    deadline = time.monotonic() + PATIENCE
    said: dict[str, str] = {}
    while time.monotonic() < deadline:
        records = {r.id: r for r in list_releases(kube, NAMESPACE, APP)}
        for release in releases:
            text = _state(records[release])
            if said.get(release) != text:
                said[release] = text
                timeline.say(f"spawn {release}: {text}", release=release)
        left = [r for r in releases if records[r].status.phase is not Phase.DELETED]
        if not left:
            return []
        if load.snapshot().requests_failed:
            timeline.say(f"{load.snapshot().requests_failed} requests have failed so far")
        time.sleep(1)
    return left


def _state(release: Release) -> str:
    status = release.status
    why = f": {status.blocker}" if status.blocker and status.phase is not Phase.DELETED else ""
    return f"{status.phase.value}{why}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RainbowError, RuntimeError) as error:
        sys.exit(f"the demo could not go on: {error}")
