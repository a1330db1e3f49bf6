"""Two installations of spawn on one NATS, with a release of the same id: nothing in common but storage."""

from __future__ import annotations

import time

import pytest
from demo import buses
from spawn_fleet import Fleet, ask, eventually, free_port

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_two_buses_with_the_same_release_id_do_not_mix(own_fleet: Fleet) -> None:
    """West's tasks wait for a worker of west, though east's v1 is idle; one storage worker serves both."""
    east, west = (own_fleet.start("api", "v1", bus=bus) for bus in ("east", "west"))
    own_fleet.start("worker", "v1", bus="east")
    own_fleet.start("storage", "outside", bus="*")
    own_fleet.wait_until_ready()
    waiting = west.task(0)
    for of_east in [east.task(0) for _ in range(5)]:
        eventually("east's task is finished", lambda: east.status(of_east) == "finished")  # noqa: B023
        assert ask(f"{west.url}/tasks/{of_east}").status == 404
    time.sleep(1.5)  # longer than a worker's request for tasks
    assert (west.status(waiting), west.active(), east.active()) == ("accepted", {"v1": 1}, {"v1": 0})
    assert ask(f"{east.url}/tasks/{waiting}").status == 404
    worker = own_fleet.start("worker", "v1", bus="west")
    eventually("west's task is finished", lambda: west.status(waiting) == "finished")
    assert west.state(waiting)["finished_by"] == f"worker-v1-{worker.port}"
    assert (own_fleet.storage / "v1" / f"{waiting}.json").is_file()


@pytest.mark.slow
def test_the_storage_worker_of_one_bus_leaves_the_others_alone(own_fleet: Fleet) -> None:
    """Told `east`, it stores nothing of west, whose task goes on waiting; one for every bus then takes it."""
    apis = {bus: own_fleet.start("api", "v1", bus=bus) for bus in ("east", "west")}
    for bus in apis:
        own_fleet.start("worker", "v1", bus=bus)
    own_fleet.start("storage", "outside", bus="east")
    own_fleet.wait_until_ready()
    tasks = {bus: api.task(0) for bus, api in apis.items()}
    eventually("east's task is finished", lambda: apis["east"].status(tasks["east"]) == "finished")
    eventually("west's task has begun", lambda: apis["west"].status(tasks["west"]) == "running")
    time.sleep(1)
    assert apis["west"].status(tasks["west"]) == "running"
    own_fleet.start("storage", "outside", bus="*")
    eventually("west's task is finished", lambda: apis["west"].status(tasks["west"]) == "finished")


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_service_with_tasks_has_one_bus(own_fleet: Fleet, name: str) -> None:
    """An API or a worker that is told to serve every bus ends with exit code 2 and says why."""
    service = own_fleet.start(name, "v1", bus="*")
    assert service.process.wait(timeout=30) == 2
    assert "SPAWN_BUS='*': expected a DNS label" in service.log.read_text()


@pytest.mark.slow
def test_a_forgotten_bus_leaves_nothing_and_others_stay(own_fleet: Fleet) -> None:
    """Stream and bucket of one bus go, those of another stay; forgetting twice is fine."""
    url = f"nats://127.0.0.1:{own_fleet.bus_port}"
    assert buses.known(url) == set()
    apis = [own_fleet.start("api", "v1", bus=bus) for bus in ("east", "west")]
    own_fleet.wait_until_ready()
    assert buses.known(url) == {"east", "west"}
    waiting = apis[1].task(0)
    buses.forget(url, "east")
    buses.forget(url, "east")
    assert buses.known(url) == {"west"}
    assert apis[1].status(waiting) == "accepted"
    assert apis[1].active() == {"v1": 1}


def test_a_bus_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: a RuntimeError with the address, which the demo shows, instead of waiting for ever."""
    monkeypatch.setattr(buses, "ALL_SECONDS", 2.0)
    url = f"nats://127.0.0.1:{free_port()}"
    with pytest.raises(RuntimeError, match=url):
        buses.forget(url, "east")
