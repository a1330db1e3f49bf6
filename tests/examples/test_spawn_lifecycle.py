"""Services of spawn are stopped and killed, the bus and the storage worker go away: no task is lost (S1, S2, J1)."""

from __future__ import annotations

import asyncio
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import nats
import pytest
from spawn_fleet import Fleet, Service, ask, eventually

pytestmark = pytest.mark.slow


def start(fleet: Fleet, *names: str, **settings: str) -> list[Service]:
    """Start services of v1 and the storage worker, and wait until they are ready."""
    services = [fleet.start(name, "v1", **settings) for name in names]
    fleet.start("storage", "outside")
    fleet.wait_until_ready()
    return services


def finished(api: Service, task_id: str) -> bool:
    """Say whether a task is finished."""
    return api.status(task_id) == "finished"


def test_a_worker_that_is_told_to_stop_finishes_its_task(own_fleet: Fleet) -> None:
    """SIGTERM in the middle of a task: the same worker finishes it at the first attempt, takes no other, and ends."""
    api, worker = start(own_fleet, "api", "worker")
    task_id = api.task(3)
    eventually("the task runs", lambda: api.status(task_id) == "running")
    worker.stop()
    eventually("no longer ready", lambda: not worker.ready())
    later = api.task(0)
    eventually("the worker ends", lambda: worker.process.poll() is not None)
    state = api.state(task_id)
    assert (worker.process.returncode, state["status"], state["attempts"]) == (0, "finished", 1)
    assert api.status(later) == "accepted"
    assert api.active() == {"v1": 1}
    own_fleet.start("worker", "v1")
    eventually("another worker takes what came later", lambda: finished(api, later))


def test_a_worker_whose_grace_ends_gives_its_task_back(own_fleet: Fleet) -> None:
    """A task longer than the grace period is given back at its end, and another worker of the release does it."""
    api, worker = start(own_fleet, "api", "worker", grace_seconds="1", ack_wait_seconds="30")
    task_id = api.task(4)
    eventually("the task runs", lambda: api.status(task_id) == "running")
    second = own_fleet.start("worker", "v1", ack_wait_seconds="30")
    own_fleet.wait_until_ready()
    worker.stop()
    eventually("the worker ends", lambda: worker.process.poll() is not None)
    assert worker.process.returncode == 0
    eventually("the other worker does it, before the bus gives up on the first", lambda: finished(api, task_id), 15)
    state = api.state(task_id)
    assert (state["attempts"], state["finished_by"]) == (2, f"worker-v1-{second.port}")


def test_a_killed_workers_task_is_done_by_another(own_fleet: Fleet) -> None:
    """SIGKILL in the middle of a task: the release has it among its active tasks until another worker finished it."""
    api, worker = start(own_fleet, "api", "worker")
    ids = [api.task(2) for _ in range(5)]
    for task_id in ids:
        eventually("the task runs", lambda: api.status(task_id) == "running")  # noqa: B023
    worker.stop(signal.SIGKILL)
    own_fleet.start("worker", "v1")
    assert api.active() == {"v1": 5}
    for task_id in ids:
        eventually("the task is finished", lambda: finished(api, task_id))  # noqa: B023
        assert api.state(task_id)["attempts"] == 2
    eventually("nothing is left", lambda: api.active() == {"v1": 0})


def test_a_task_longer_than_the_bus_waits_is_done_once(own_fleet: Fleet) -> None:
    """Heartbeats keep a long task with its worker although a second one is idle (S2)."""
    api, _, _ = start(own_fleet, "api", "worker", "worker", ack_wait_seconds="1")
    task_id = api.task(5)
    eventually("the task is finished", lambda: finished(api, task_id))
    assert api.state(task_id)["attempts"] == 1


def test_a_bus_that_restarts_loses_nothing(own_fleet: Fleet) -> None:
    """NATS is killed for two seconds: a running task ends, a request meanwhile is answered late, and with success."""
    api, worker = start(own_fleet, "api", "worker")
    running = api.task(4)
    eventually("the task runs", lambda: api.status(running) == "running")
    own_fleet.kill_bus()
    eventually("the bus is missed", lambda: api.active() == {} and worker.active() == {})
    assert api.ready()
    own_fleet.start_bus()
    meanwhile = api.task(0)
    for task_id in (running, meanwhile):
        eventually("the task is finished", lambda: finished(api, task_id))  # noqa: B023
    eventually("known again", lambda: api.active() == worker.active() == {"v1": 0})


def test_without_a_bus_the_active_tasks_are_absent_not_zero(own_fleet: Fleet) -> None:
    """While NATS is down neither API nor worker tells a number, and the API says 503 when its patience ends (B1)."""
    api, worker = start(own_fleet, "api", "worker", patience_seconds="2")
    eventually("all is known", lambda: api.active() == worker.active() == {"v1": 0})
    own_fleet.kill_bus()
    eventually("nothing is told", lambda: api.active() == {} and worker.active() == {})
    reply = ask(f"{api.url}/tasks", {"kind": "image", "seconds": 0})
    assert (reply.status, reply.headers["X-Release"]) == (503, "v1")
    assert api.active() == {}
    assert ask(f"{api.url}/healthz").status == 200


def test_a_release_without_storage_waits_and_stays_active(own_fleet: Fleet) -> None:
    """While the storage worker is down a task cannot finish, so its release has work; then it finishes (S12)."""
    api, worker = own_fleet.start("api", "v1"), own_fleet.start("worker", "v1")
    own_fleet.wait_until_ready()
    task_id = api.task(0)
    eventually("the task runs", lambda: api.status(task_id) == "running")
    time.sleep(3)
    assert (api.active(), worker.active(), api.status(task_id)) == ({"v1": 1}, {"v1": 1}, "running")
    own_fleet.start("storage", "outside")
    eventually("the task is finished", lambda: finished(api, task_id))
    eventually("nothing is left", lambda: api.active() == worker.active() == {"v1": 0})


def test_a_consumer_that_was_removed_loses_nothing(own_fleet: Fleet) -> None:
    """The release's consumer is deleted with tasks waiting: it is made again and finds every one of them."""
    api, _ = start(own_fleet, "api", "worker", slots="1")
    ids = [api.task(0.5) for _ in range(4)]

    async def delete_consumer() -> None:
        client = await nats.connect(f"nats://127.0.0.1:{own_fleet.bus_port}")
        await client.jetstream().delete_consumer("spawn-tasks", "spawn-workers-v1")
        await client.close()

    asyncio.run(delete_consumer())
    for task_id in ids:
        eventually("the task is finished", lambda: finished(api, task_id))  # noqa: B023
    eventually("nothing is left", lambda: api.active() == {"v1": 0})


def test_an_api_that_is_told_to_stop_answers_what_is_open(own_fleet: Fleet) -> None:
    """SIGTERM: unready first, still answering on closing connections, then gone with exit code 0."""
    (api,) = start(own_fleet, "api", linger_seconds="2")
    api.stop()
    eventually("no longer ready", lambda: not api.ready(), 2)
    reply = ask(f"{api.url}/")
    assert (reply.status, reply.headers.get("Connection")) == (200, "close")
    task_id = api.task(0)
    assert api.status(task_id) == "accepted"
    eventually("it ends", lambda: api.process.poll() is not None)
    assert api.process.returncode == 0


def test_an_api_that_is_told_to_stop_finishes_what_was_asked(own_fleet: Fleet) -> None:
    """A request that waits for the bus when SIGTERM comes is answered with success, and its task is done."""
    api, worker = start(own_fleet, "api", "worker", linger_seconds="0.2")
    own_fleet.kill_bus()
    with ThreadPoolExecutor(1) as user:
        reply = user.submit(ask, f"{api.url}/tasks", {"kind": "image", "seconds": 0})
        time.sleep(0.5)
        api.stop()
        time.sleep(1)
        assert api.process.poll() is None
        own_fleet.start_bus()
        assert reply.result().status == 202
    eventually("it ends", lambda: api.process.poll() is not None)
    assert api.process.returncode == 0
    following = own_fleet.start("api", "v1")
    own_fleet.wait_until_ready()
    eventually("the task is finished", lambda: finished(following, reply.result().data["id"]))
    assert worker.process.poll() is None
