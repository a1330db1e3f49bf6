"""The checks, each one function whose docstring is its line in the log; they run in the order of CHECKS."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from integration.client import Answer, Client

FINISH_SECONDS = 60.0


class CheckError(Exception):
    """A check found something else than it expected; the message says what."""


@dataclass(frozen=True)
class Release:
    """The release under test."""

    id: str
    client: Client


Check = Callable[[Release], None]


def expect(what: str, found: object, expected: object) -> None:
    """Raise CheckError unless both are equal."""
    if found != expected:
        raise CheckError(f"{what}: expected {expected!r}, found {found!r}")


def release_answers(release: Release) -> None:
    """The release answers by its own URL, and nobody else does."""
    for _ in range(10):
        answer = release.client.get("/")
        expect("status of GET /", answer.status, 200)
        expect("X-Release", answer.release, release.id)
        expect("release in the body", answer.data["release"], release.id)


def errors_are_answers(release: Release) -> None:
    """What is wrong is answered with 4xx, in the name of the release."""
    wrong_kind = release.client.post("/tasks", {"kind": "spaceship", "seconds": 1})
    wrong_time = release.client.post("/tasks", {"kind": "image", "seconds": -1})
    unknown = release.client.get("/tasks/0")
    expect("an unknown kind", (wrong_kind.status, wrong_kind.release), (400, release.id))
    expect("a negative time", (wrong_time.status, wrong_time.release), (400, release.id))
    expect("an unknown task", (unknown.status, unknown.release), (404, release.id))


def image_is_made(release: Release) -> None:
    """A task for an image goes from the API over the bus to a worker and to storage, on this release only."""
    finish(release, start(release, "image", 0.5))


def containers_are_made(release: Release) -> None:
    """Several tasks for containers at once all finish, and the list shows them."""
    ids = [start(release, "container", seconds) for seconds in (0, 0.2, 0.3, 0.5)]
    for task_id in ids:
        finish(release, task_id)
    listed = {task["id"] for task in good(release.client.get(f"/tasks?release={release.id}&limit=1000")).data["tasks"]}
    expect("tasks missing in the list", sorted(set(ids) - listed), [])


def session_goes_on(release: Release) -> None:
    """A session goes on at the address that its release gives, until it is ended."""
    begun = release.client.post("/sessions", {})
    expect(f"status of POST /sessions, which says {begun.text}", (begun.status, begun.release), (201, release.id))
    address = begun.data["address"]
    steps = [good(release.client.post(address, {})).data["steps"] for _ in range(3)]
    expect("steps of the session", steps, [1, 2, 3])
    good(release.client.delete(address))
    expect("status of a session that was ended", release.client.get(address).status, 404)


def nothing_is_left(release: Release) -> None:
    """The drain signal is told for this release, and comes back to zero when the work is done."""
    deadline = time.monotonic() + FINISH_SECONDS
    while True:
        text = good(release.client.get("/metrics")).text
        found = re.findall(r'^spawn_active_tasks\{component="api",release="([^"]+)"\} (\S+)$', text, re.MULTILINE)
        expect("releases with active tasks told by the API", [name for name, _ in found], [release.id])
        if float(found[0][1]) == 0:
            return
        if time.monotonic() > deadline:
            raise CheckError(f"{found[0][1]} tasks are still active after {FINISH_SECONDS:g} s")
        time.sleep(0.2)


def not_broken_on_purpose(_release: Release) -> None:
    """This test image was not built to fail."""
    expect("SPAWN_BREAK", os.environ.get("SPAWN_BREAK", ""), "")


def start(release: Release, kind: str, seconds: float) -> str:
    """Start a task and return its id."""
    answer = release.client.post("/tasks", {"kind": kind, "seconds": seconds})
    expect(f"status of POST /tasks, which says {answer.text}", answer.status, 202)
    expect("the release that accepted", (answer.release, answer.data["release"]), (release.id, release.id))
    return str(answer.data["id"])


def finish(release: Release, task_id: str) -> None:
    """Wait until a task is finished and check who did it."""
    deadline = time.monotonic() + FINISH_SECONDS
    while (task := state(release, task_id))["status"] != "finished":
        if time.monotonic() > deadline:
            raise CheckError(f"task {task_id} is {task['status']} after {FINISH_SECONDS:g} s: {task}")
        time.sleep(0.1)
    expect("accepted by release", task["release"], release.id)
    expect("finished by release", task["finished_release"], release.id)
    expect("stored as", task["stored"], f"{release.id}/{task_id}")


def state(release: Release, task_id: str) -> dict[str, Any]:
    """Return the state of a task."""
    return dict(good(release.client.get(f"/tasks/{task_id}")).data)


def good(answer: Answer) -> Answer:
    """Return the answer if its status is 200; raises CheckError otherwise."""
    expect(f"status, with the text {answer.text[:200]!r}", answer.status, 200)
    return answer


CHECKS: tuple[Check, ...] = (
    not_broken_on_purpose,
    release_answers,
    errors_are_answers,
    image_is_made,
    containers_are_made,
    session_goes_on,
    nothing_is_left,
)
