"""Two releases of spawn side by side on one real NATS: who does what, who answers for whom (S4, S5, S12, S6)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from spawn_fleet import Fleet, Reply, ask, eventually


@pytest.mark.parametrize("release", ["v1", "v2"])
@pytest.mark.slow
def test_a_task_is_done_by_the_release_that_accepted_it(fleet: Fleet, release: str) -> None:
    """API, worker and stored result of a task are all of one release, and any release's API can tell."""
    own, other = fleet.find("api", release), fleet.find("api", "v2" if release == "v1" else "v1")
    ids = [own.task(0.1) for _ in range(5)]
    for task_id in ids:
        eventually("the task is finished", lambda: other.status(task_id) == "finished")  # noqa: B023
        state = other.state(task_id)
        assert (state["release"], state["finished_release"]) == (release, release)
        assert state["finished_by"] == f"worker-{release}-{fleet.find('worker', release).port}"
        assert state["stored"] == f"{release}/{task_id}"
        assert (fleet.storage / release / f"{task_id}.json").is_file()


def test_active_tasks_are_told_per_release(fleet: Fleet) -> None:
    """While v1 works, v1 says so in its API and worker, and v2 says that it has nothing to do."""
    api = fleet.find("api", "v1")
    task_id = api.task(1.0)
    eventually("the worker has it", lambda: fleet.find("worker", "v1").active() == {"v1": 1})
    assert api.active() == {"v1": 1}
    assert fleet.find("api", "v2").active() == {"v2": 0}
    assert fleet.find("worker", "v2").active() == {"v2": 0}
    eventually("the task is finished", lambda: api.status(task_id) == "finished")
    eventually("nothing is left", lambda: api.active() == fleet.find("worker", "v1").active() == {"v1": 0})
    assert fleet.find("storage", "outside").active().get("v1") == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/", None, 200),
        ("/healthz", None, 200),
        ("/readyz", None, 200),
        ("/metrics", None, 200),
        ("/tasks", None, 200),
        ("/tasks?limit=many", None, 400),
        ("/tasks/0", None, 404),
        ("/tasks/*.>", None, 400),
        ("/nowhere", None, 404),
        ("/readyz", {}, 405),
        ("/tasks", {"kind": "image", "seconds": 0}, 202),
        ("/tasks", {"kind": "ship", "seconds": 0}, 400),
        ("/tasks", [1], 400),
    ],
)
def test_every_answer_names_its_release(fleet: Fleet, path: str, body: object, status: int) -> None:
    """Good or bad, an answer has the status that users expect and the header X-Release."""
    reply: Reply = ask(fleet.find("api", "v2").url + path, body)
    assert (reply.status, reply.headers.get("X-Release")) == (status, "v2")


def test_the_list_shows_the_newest_tasks_first(fleet: Fleet) -> None:
    """A limited list is the newest end of a longer one, of all releases or of one."""
    apis = [fleet.find("api", release) for release in ("v1", "v2", "v1", "v2")]
    ids = [api.task(0) for api in apis]
    listed = [task["id"] for task in ask(f"{apis[0].url}/tasks?limit=3").data["tasks"]]
    assert listed == [ids[3], ids[2], ids[1]]
    of_v1 = [task["id"] for task in ask(f"{apis[1].url}/tasks?limit=2&release=v1").data["tasks"]]
    assert of_v1 == [ids[2], ids[0]]


def run_integration(fleet: Fleet, url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the app's own integration tests as its test image does."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(fleet.code), "RELEASE_URL": url, **variables}
    return subprocess.run(
        [sys.executable, "-m", "integration"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_the_integration_tests_pass_on_a_good_release(fleet: Fleet) -> None:
    """The app's tests exercise API, bus, worker and storage on v2 and end with exit code 0."""
    done = run_integration(fleet, fleet.find("api", "v2").url, RELEASE_ID="v2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed, 0 failed" in done.stdout


def test_the_integration_tests_fail_when_another_release_answers(fleet: Fleet) -> None:
    """Asked to test v2 at the URL of v1, they fail and name the release that answered."""
    done = run_integration(fleet, fleet.find("api", "v1").url, RELEASE_ID="v2")
    assert done.returncode == 1
    assert "X-Release: expected 'v2', found 'v1'" in done.stdout


def test_the_integration_tests_fail_when_broken_on_purpose(fleet: Fleet) -> None:
    """An image built with SPAWN_BREAK=tests fails, and says that it was meant to."""
    done = run_integration(fleet, fleet.find("api", "v2").url, RELEASE_ID="v2", SPAWN_BREAK="tests")
    assert done.returncode == 1
    assert "6 passed, 1 failed" in done.stdout
