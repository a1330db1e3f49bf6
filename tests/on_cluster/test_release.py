"""The main job through Argo: what `rainbow release` submits, what users see, and what stays when something fails."""

import json
import time
from typing import Any

import pytest
from spawn_app import APP, Spawn, eventually

from rainbow.adapters.kube import DEPLOYMENT, POD, WORKFLOW, Kube
from rainbow.adapters.workflows import workflow_name
from rainbow.model.names import RELEASE_LABEL, release_selector
from rainbow.model.release import Phase

pytestmark = pytest.mark.cluster


def deployed(spawn: Spawn) -> set[str]:
    """The releases that have Deployments."""
    return {d["metadata"]["labels"][RELEASE_LABEL] for d in spawn.kube.list(DEPLOYMENT, spawn.namespace)}


def long_task(spawn: Spawn, seconds: int) -> tuple[str, str]:
    """Start a task as a user does. Returns its id and the release that accepted it."""
    release, answer = spawn.ask("/tasks", {"kind": "container", "seconds": seconds})
    return answer["id"], release


def finished(spawn: Spawn, task: str) -> dict[str, Any] | None:
    """The task, once it is finished."""
    _, answer = spawn.ask(f"/tasks/{task}")
    found: dict[str, Any] = answer
    return found if found["status"] == "finished" else None


def test_a_first_release_goes_live_and_is_written_down(spawn: Spawn) -> None:
    """Submit, follow, exit 0 (A1, A2); the route leads to the release's own Service, and users are answered by it."""
    result = spawn.release("v1")
    assert result["outcome"] in ("live", "finished")
    assert {s["name"]: s["state"] for s in result["steps"]}["build"] == "skipped"
    assert spawn.backend() == "api-v1"
    assert spawn.ask()[0] == "v1"
    record = spawn.record("v1")
    assert record.status.phase is Phase.CURRENT
    assert record.status.live_at is not None
    assert record.status.traffic == "100%"


def test_three_releases_side_by_side_each_finishing_its_own_tasks(spawn: Spawn) -> None:
    """A busy release blocks no later one (S3); its task ends where it began (S2); then the release goes (S8)."""
    began = time.monotonic()
    spawn.release("v1")
    # Long enough to outlast two more releases on this machine, however slow it is today.
    seconds = round(3 * (time.monotonic() - began))
    first, on_first = long_task(spawn, seconds)
    spawn.release("v2")
    second, on_second = long_task(spawn, seconds)
    spawn.release("v3")
    assert (on_first, on_second) == ("v1", "v2")
    assert finished(spawn, first) is None, "the test is too slow to show anything: v1's task ended before v3 was live"
    assert deployed(spawn) == {"v1", "v2", "v3"}
    assert spawn.ask()[0] == "v3"
    for task, release in ((first, "v1"), (second, "v2")):
        end = eventually(f"the end of the task of {release}", lambda task=task: finished(spawn, task), timeout=300)
        assert end["finished_release"] == release
    eventually("v1 and v2 are deleted", lambda: deployed(spawn) == {"v3"}, timeout=240)
    for release in ("v1", "v2"):
        status = eventually(f"the record of {release}", lambda r=release: spawn.record(r).status, timeout=5)
        assert status.phase is Phase.DELETED
        assert status.demoted_at is not None
        assert status.deleted_at is not None
        assert (status.deleted_at - status.demoted_at).total_seconds() >= 20, "younger than the minimum age (S9)"
    assert spawn.ask()[0] == "v3"


def test_failing_tests_leave_users_where_they_are(spawn: Spawn) -> None:
    """Exit 1, the log of the tests is shown, the release is marked, and the next one is not in its way (S6)."""
    spawn.release("v1")
    spawn.configure(lambda config: config["tests"].__setitem__("env", {"SPAWN_BREAK": "tests"}))
    answer = spawn.try_release("v2")
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["outcome"] == "failed"
    assert "run-tests failed" in answer.stderr
    assert "Users are untouched" in answer.stderr
    assert spawn.backend() == "api-v1"
    assert spawn.ask()[0] == "v1"
    assert spawn.record("v2").status.phase is Phase.FAILED
    spawn.configure(lambda config: config["tests"].pop("env"))
    spawn.release("v3")
    assert spawn.ask()[0] == "v3"


def test_a_failing_build_leaves_users_where_they_are(spawn: Spawn) -> None:
    """Exit 1 with the build's own log; nothing of the release is deployed."""
    spawn.release("v1")
    spawn.configure(lambda config: config["images"]["spawn"].__setitem__("args", {"SPAWN_BREAK": "build"}))
    path = str(spawn.folder / "rainbow.yaml")
    answer = spawn.rainbow("release", "-f", path, "--release", "v2", "--output", "json")
    assert answer.returncode == 1, answer.stderr
    assert "build failed" in answer.stderr
    assert "this build fails on purpose" in answer.stderr
    assert deployed(spawn) == {"v1"}
    assert spawn.ask()[0] == "v1"
    assert spawn.record("v2").status.phase is Phase.FAILED


def test_a_release_exists_once(spawn: Spawn) -> None:
    """A release is immutable: submitting its id again is a usage error that changes nothing."""
    spawn.release("v1")
    answer = spawn.try_release("v1")
    assert answer.returncode == 2
    assert "release v1 of app spawn exists already" in answer.stderr
    assert spawn.ask()[0] == "v1"


def test_a_killed_step_is_run_again_by_argo(spawn: Spawn, kube: Kube) -> None:
    """The pod of a step dies in the middle: the workflow still ends well, and users notice nothing (rule of steps)."""
    spawn.release("v1")
    path = str(spawn.folder / "rainbow.yaml")
    images = [f"--image={name}={ref}" for name, ref in spawn.images.items()]
    submitted = spawn.rainbow("release", "-f", path, "--release", "v2", "--wait", "submitted", *images)
    assert submitted.returncode == 0, submitted.stderr
    name = workflow_name(APP, "v2")

    def running(step: str) -> str | None:
        for pod in kube.list(POD, spawn.namespace, labels=f"workflows.argoproj.io/workflow={name}"):
            if f"-{step}-" in pod["metadata"]["name"] and pod["status"]["phase"] == "Running":
                found: str = pod["metadata"]["name"]
                return found
        return None

    for step in ("deploy", "run-tests"):
        kube.delete(POD, spawn.namespace, eventually(f"a pod of {step}", lambda step=step: running(step)))
    follow = spawn.rainbow("follow", "-n", spawn.namespace, APP, "v2", "-o", "json")
    assert follow.returncode == 0, follow.stderr
    tries = {step["name"]: step["tries"] for step in json.loads(follow.stdout)["steps"]}
    assert tries["deploy"] >= 2
    assert spawn.ask()[0] == "v2"


def test_the_workflow_goes_on_when_nobody_follows(spawn: Spawn, kube: Kube) -> None:
    """`--wait submitted` returns at once and says how to come back (A2)."""
    began = time.monotonic()
    images = [f"--image={name}={ref}" for name, ref in spawn.images.items()]
    path = str(spawn.folder / "rainbow.yaml")
    answer = spawn.rainbow("release", "-f", path, "--release", "v1", "--wait", "submitted", *images)
    assert answer.returncode == 0
    assert f"rainbow follow --namespace {spawn.namespace} spawn v1" in answer.stdout
    assert time.monotonic() - began < 60
    assert kube.get(WORKFLOW, spawn.namespace, workflow_name(APP, "v1")) is not None
    eventually("v1 is live", lambda: spawn.record("v1").status.phase is Phase.CURRENT)
    assert kube.list(DEPLOYMENT, spawn.namespace, labels=release_selector(APP, "v1"))
