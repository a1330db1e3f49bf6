"""The main job through Argo: what `rainbow release` submits, what users see, and what stays when something fails.

That several releases live side by side, each finishing its own tasks, is shown by test_demo.
"""

import json
import subprocess
import time

import pytest
from spawn_app import APP, Spawn, eventually

from rainbow.adapters.kube import DEPLOYMENT, WORKFLOW, Kube
from rainbow.adapters.workflows import workflow_name
from rainbow.model.names import RELEASE_LABEL, release_selector
from rainbow.model.release import Phase

pytestmark = [pytest.mark.cluster, pytest.mark.long]


def deployed(spawn: Spawn) -> set[str]:
    """The releases that have Deployments."""
    return {d["metadata"]["labels"][RELEASE_LABEL] for d in spawn.kube.list(DEPLOYMENT, spawn.namespace)}


def submitted(spawn: Spawn, release: str) -> subprocess.CompletedProcess[str]:
    """Submit a release and follow it no further."""
    images = [f"--image={name}={ref}" for name, ref in spawn.images.items()]
    path = str(spawn.folder / "rainbow.yaml")
    return spawn.rainbow("release", "-f", path, "--release", release, "--wait", "submitted", *images)


def test_a_first_release_goes_live_and_is_written_down(spawn: Spawn, kube: Kube) -> None:
    """The workflow goes on when nobody follows (A1, A2); the route leads to its own Service; it exists once."""
    began = time.monotonic()
    answer = submitted(spawn, "v1")
    assert answer.returncode == 0, answer.stderr
    assert f"rainbow follow --namespace {spawn.namespace} spawn v1" in answer.stdout
    assert time.monotonic() - began < 60
    assert kube.get(WORKFLOW, spawn.namespace, workflow_name(APP, "v1")) is not None
    eventually("v1 is live", lambda: spawn.record("v1").status.phase is Phase.CURRENT)
    follow = spawn.rainbow("follow", "-n", spawn.namespace, APP, "v1", "-o", "json")
    assert follow.returncode == 0, follow.stderr
    result = json.loads(follow.stdout)
    assert result["outcome"] in ("live", "finished")
    assert {s["name"]: s["state"] for s in result["steps"]}["build"] == "skipped"
    assert kube.list(DEPLOYMENT, spawn.namespace, labels=release_selector(APP, "v1"))
    assert spawn.backend() == "api-v1"
    assert spawn.ask()[0] == "v1"
    status = spawn.record("v1").status
    assert status.live_at is not None
    assert status.traffic == "100%"
    again = spawn.try_release("v1")
    assert again.returncode == 2, "a release is immutable: its id again is a usage error that changes nothing"
    assert "release v1 of app spawn exists already" in again.stderr
    assert spawn.ask()[0] == "v1"


def test_what_fails_leaves_users_where_they_are(spawn: Spawn) -> None:
    """Exit 1 with the log of what failed, be it the tests or the build; the next release is not in its way (S6)."""
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
    spawn.configure(lambda config: config["images"]["spawn"].__setitem__("args", {"SPAWN_BREAK": "build"}))
    path = str(spawn.folder / "rainbow.yaml")
    answer = spawn.rainbow("release", "-f", path, "--release", "v3", "--output", "json")
    assert answer.returncode == 1, answer.stderr
    assert "build failed" in answer.stderr
    assert "this build fails on purpose" in answer.stderr
    assert "v3" not in deployed(spawn)
    assert spawn.ask()[0] == "v1"
    assert spawn.record("v3").status.phase is Phase.FAILED
    spawn.configure(lambda config: config["images"]["spawn"].pop("args"))
    spawn.release("v4")
    assert spawn.ask()[0] == "v4"
