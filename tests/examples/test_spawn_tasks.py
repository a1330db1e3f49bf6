"""What a task is, what users may ask for, and that releases can read each other's records (C5)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spawn import subjects
from spawn.settings import Settings, SettingsError
from spawn.tasks import Status, Task, TaskError, asked_for

NUMBERS = st.floats(0, 1e9)
TASKS = st.builds(
    Task,
    id=st.text("0123456789abcdef", min_size=1),
    kind=st.sampled_from(["image", "container"]),
    seconds=NUMBERS,
    release=st.from_regex(r"v[0-9]{1,5}", fullmatch=True),
    accepted_at=NUMBERS,
)


@given(TASKS, NUMBERS)
def test_a_record_is_read_as_it_was_written(task: Task, now: float) -> None:
    """Every state of a task survives the way over the bus."""
    started = task.started(2, now)
    for state in (task, started, started.finished(task.release, "worker", "v1/x", now)):
        assert Task.from_json(state.to_json()) == state


@given(TASKS)
def test_a_record_of_another_release_is_read(task: Task) -> None:
    """Fields that a newer release added are ignored, those that an older one lacks have defaults."""
    raw = json.loads(task.to_json()) | {"colour": "green"}
    del raw["attempts"], raw["stored"], raw["status"]
    assert Task.from_json(json.dumps(raw).encode()) == task


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"null", b"{}", b'{"id":"1"}', b"\xff", b'{"status":"asleep"}'])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    """Anything else is a TaskError, never some other error."""
    with pytest.raises(TaskError):
        Task.from_json(data)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "kind: expected one of image, container, found None"),
        ({"kind": []}, "kind"),
        ({"kind": "image", "seconds": "3"}, "seconds"),
        ({"kind": "image", "seconds": True}, "seconds"),
        ({"kind": "image", "seconds": -0.1}, "seconds"),
        ({"kind": "image", "seconds": float("nan")}, "seconds"),
        ({"kind": "image", "seconds": 1e9}, "seconds"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(body: dict[str, object], problem: str) -> None:
    """The message names the field, what is expected and what was found."""
    with pytest.raises(TaskError, match=problem):
        asked_for(body)


def test_a_right_request_is_taken() -> None:
    """Kind and seconds are returned, one second when none are given."""
    assert asked_for({"kind": "image", "seconds": 0}) == ("image", 0.0)
    assert asked_for({"kind": "container"}) == ("container", 1.0)


def test_the_release_ends_every_subject() -> None:
    """S5: the release is appended, and can be read back from the subject."""
    made = [subjects.task("spawn", "image", "v7"), subjects.storage("spawn", "v7"), subjects.tasks_of("spawn", "v7")]
    assert made == ["spawn.tasks.image.v7", "spawn.storage.v7", "spawn.tasks.*.v7"]
    assert {subjects.release_in(subject) for subject in made} == {"v7"}


@pytest.mark.parametrize("release", ["", "V1", "v1.2", "v*", "-v", "v>", "a" * 64])
def test_a_release_that_would_not_fit_a_subject_is_refused(release: str) -> None:
    """A release id is one token of a subject: a wildcard would take the tasks of others."""
    with pytest.raises(SettingsError, match="RELEASE_ID"):
        Settings.from_environment({"RELEASE_ID": release})


@pytest.mark.parametrize("bus", ["", "Spawn", "a.b", "a*", ">", "a b", "-a", "a" * 64, "*"])
def test_a_bus_that_would_not_fit_a_subject_is_refused(bus: str) -> None:
    """A bus is one token of a subject, and a wildcard is no bus that a task could be given to."""
    with pytest.raises(SettingsError, match="SPAWN_BUS"):
        Settings.from_environment({"SPAWN_BUS": bus})


def test_only_who_serves_every_bus_may_be_told_so() -> None:
    """The storage worker's bus may be `*`, and nothing else that is no bus; without a setting it is `spawn`."""
    assert Settings.from_environment({"SPAWN_BUS": "*"}, every_bus=True).bus == "*"
    assert Settings.from_environment({}, every_bus=True).bus == "spawn"
    with pytest.raises(SettingsError, match="SPAWN_BUS='>': expected a DNS label such as spawn or \\* for all"):
        Settings.from_environment({"SPAWN_BUS": ">"}, every_bus=True)


def test_the_settings_have_defaults_and_name_what_is_wrong() -> None:
    """Without an environment there is the release `unreleased`; a bad number is named."""
    assert Settings.from_environment({}).release == "unreleased"
    assert Settings.from_environment({}).bus == "spawn"
    with pytest.raises(SettingsError, match="SPAWN_GRACE_SECONDS='soon'"):
        Settings.from_environment({"SPAWN_GRACE_SECONDS": "soon"})


def test_a_task_begins_accepted() -> None:
    """A new task has no worker and no result."""
    task = Task(id="1", kind="image", seconds=1, release="v1", accepted_at=0)
    assert (task.status, task.finished_release, task.stored) == (Status.ACCEPTED, None, None)
