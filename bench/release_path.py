"""From submitting a release with images given to its being live, against an equal chain of pods that do nothing (P2).

The chain has a pod for each step on the way (lint, deploy, both kinds of tests at once, switch), of the same image and
shape, run by the same controller. What the app itself needs to become ready is taken off ours: it would need that
without Rainbow too. How long its own tests run is told, and stays in.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from demo.stage import clear, copy_spawn, rainbow, storage_worker

from bench.measure import Measure
from bench.rollback import rollback
from bench.waiting_step import waiting_memory
from cluster.context import Context
from rainbow.adapters.kube import POD, WORKFLOW, Kind, Kube, connect
from rainbow.adapters.readiness import STEP_LABEL
from rainbow.adapters.records import list_releases, read_release
from rainbow.model.names import release_selector

NAMESPACE = "bench-release"
APP = "spawn"
# Each with those that it waits for: what they do is the only difference.
STEPS = {
    "lint": "",
    "deploy": "lint",
    "run-tests": "deploy",
    "check-compatibility": "deploy",
    "switch": "run-tests && check-compatibility",
}
RUNS = 3
GOAL = 1.25
_TEMPLATE = Kind("argoproj.io/v1alpha1", "WorkflowTemplate")


def release_path() -> list[Measure]:
    """Medians of some runs, ours and the chain in turn."""
    context, kube = Context.from_environment(), connect()
    clear(kube, NAMESPACE)
    try:
        with tempfile.TemporaryDirectory(prefix="rainbow-bench-") as name:
            folder = Path(name)
            with storage_worker(f"nats://127.0.0.1:{context.ports.nats}", folder):
                (folder / "app").mkdir()
                copy_spawn(folder / "app", NAMESPACE)
                path = _measure(kube, folder / "app")
                return [path, _memory(kube, context), *_rollback(kube, context)]
    finally:
        clear(kube, NAMESPACE)


def _measure(kube: Kube, app: Path) -> Measure:
    rainbow("install", "--namespace", NAMESPACE)
    run = time.strftime("%H%M%S")
    _release(app, f"a-{run}", {})  # builds the images, and is not counted
    images = read_release(kube, NAMESPACE, APP, f"a-{run}").status.images
    ours, chains, readiness, testing = [], [], [], []
    for number in range(RUNS):
        release = f"{number}-{run}"
        with _tests_timed() as tests:
            took = _release(app, release, images)
        readiness.append(_readiness(kube, release))
        testing.append(max(tests, default=0.0))
        ours.append(took - readiness[-1])
        chains.append(_chain(kube, f"chain-{number}-{run}"))
    ratio = statistics.median(mine / chain for mine, chain in zip(ours, chains, strict=True))
    ready, tested = statistics.median(readiness), statistics.median(testing)
    return Measure(
        name="release path: submit → live, images given",
        ours=f"{statistics.median(ours):.1f} s, {tested:.1f} s of it the app's tests (and {ready:.1f} s until ready)",
        against=f"{len(STEPS)} no-op pods {statistics.median(chains):.1f} s",
        ratio=ratio,
        goal=f"≤ {GOAL}",
        met=ratio <= GOAL,
    )


def _memory(kube: Kube, context: Context) -> Measure:
    """While the releases that were just replaced are too young to go, somebody waits for them."""
    newest = max(list_releases(kube, NAMESPACE, APP), key=lambda release: release.created)
    prometheus, nats = f"http://127.0.0.1:{context.ports.prometheus}", f"nats://127.0.0.1:{context.ports.nats}"
    return waiting_memory(NAMESPACE, newest.id, prometheus, nats)


def _rollback(kube: Kube, context: Context) -> list[Measure]:
    """Between the last two releases, which are both still there."""
    newest = max(list_releases(kube, NAMESPACE, APP), key=lambda release: release.created)
    return rollback(kube, NAMESPACE, APP, newest.id, f"http://127.0.0.1:{context.ports.traefik}")


def _release(app: Path, release: str, images: dict[str, str]) -> float:
    """Seconds from the creation of the workflow to the end of its step `switch`."""
    given = [f"--image={name}={ref}" for name, ref in images.items()]
    path = str(app / "rainbow.yaml")
    answer = rainbow("release", "-f", path, "--release", release, "--output", "json", *given)
    steps = {step["name"]: step for step in json.loads(answer)["steps"]}
    workflow = connect().get(WORKFLOW, NAMESPACE, json.loads(answer)["workflow"])
    assert workflow is not None  # noqa: S101 - it was followed a moment ago
    return _seconds(workflow["metadata"]["creationTimestamp"], steps["switch"]["finishedAt"])


def _readiness(kube: Kube, release: str) -> float:
    """Seconds that the slowest of the app's pods took from its creation until it was ready."""
    pods = kube.list(POD, NAMESPACE, labels=release_selector(APP, release))
    taken = [
        _seconds(pod["metadata"]["creationTimestamp"], condition["lastTransitionTime"])
        for pod in pods
        for condition in pod["status"].get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    ]
    return max(taken)


@contextmanager
def _tests_timed() -> Iterator[list[float]]:
    """Whole seconds that each container of the tests has run, as the kubelet tells. Their pods go at once."""
    kube, taken, over = connect(), [], threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            for pod in kube.list(POD, NAMESPACE, labels=f"{STEP_LABEL}=run-tests"):
                for status in pod["status"].get("containerStatuses", []):
                    if ended := status["state"].get("terminated"):
                        taken.append(_seconds(ended["startedAt"], ended["finishedAt"]))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield taken
    finally:
        over.set()
        looking.join()


def _chain(kube: Kube, name: str) -> float:
    """Seconds from the creation of a workflow of as many pods that do nothing to its end."""
    installed = kube.get(_TEMPLATE, NAMESPACE, "release")
    assert installed is not None  # noqa: S101 - `rainbow install` has put it there
    templates = {template["name"]: template for template in installed["spec"]["templates"]}
    tasks = [{"name": s, "template": s, **({"depends": after} if after else {})} for s, after in STEPS.items()]
    spec = {
        "entrypoint": "main",
        "serviceAccountName": "rainbow-switch",
        "templates": [_idle(templates[step]) for step in STEPS] + [{"name": "main", "dag": {"tasks": tasks}}],
    }
    meta = {"name": name, "namespace": NAMESPACE}
    kube.create({"apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.kind, "metadata": meta, "spec": spec})
    while True:
        workflow = kube.get(WORKFLOW, NAMESPACE, name) or {}
        status = workflow.get("status") or {}
        if status.get("finishedAt"):
            return _seconds(workflow["metadata"]["creationTimestamp"], status["finishedAt"])
        time.sleep(0.5)


def _idle(template: dict[str, Any]) -> dict[str, Any]:
    """The same pod with nothing to do: no inputs, no outputs."""
    container = {**template["container"], "command": ["/bin/true"], "args": []}
    return {key: value for key, value in template.items() if key not in ("inputs", "outputs")} | {
        "container": container
    }


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
