"""Sessions of spawn: each stays on the release on which it began, and is work of that release until it ends (F3)."""

from __future__ import annotations

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from spawn_fleet import Fleet, Reply, ask, eventually


def _begin(fleet: Fleet, release: str) -> str:
    reply = ask(f"{fleet.find('api', release).url}/sessions", {})
    assert (reply.status, reply.data["release"]) == (201, release)
    assert reply.data["address"] == reply.headers["Location"] == f"/releases/{release}/sessions/{reply.data['id']}"
    return str(reply.data["address"])


def _at(fleet: Fleet, release: str, address: str, body: object = None) -> Reply:
    return ask(fleet.find("api", release).url + address, body)


def _end(fleet: Fleet, release: str, address: str) -> None:
    request = urllib.request.Request(fleet.find("api", release).url + address, method="DELETE")
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert json.load(reply)["release"] == release


def test_a_session_goes_on_where_it_began(fleet: Fleet) -> None:
    """Its steps are remembered, and another release does not pretend to know it."""
    address = _begin(fleet, "v1")
    assert [_at(fleet, "v1", address, {}).data["steps"] for _ in range(3)] == [1, 2, 3]
    assert _at(fleet, "v1", address).data["steps"] == 3
    foreign = _at(fleet, "v2", address)
    assert (foreign.status, foreign.data["error"]) == (
        410,
        "release v1 is gone, and its sessions with it; begin a new one",
    )
    assert _at(fleet, "v1", address.replace("v1/sessions/", "v1/sessions/0")).status == 404
    assert _at(fleet, "v1", "/releases/v1/sessions/*.>").status == 400
    _end(fleet, "v1", address)


def test_of_many_steps_at_once_none_is_lost(fleet: Fleet) -> None:
    """Two requests of one user may be in flight at two pods of the release."""
    address = _begin(fleet, "v2")
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: _at(fleet, "v2", address, {}), range(24)))
    assert sorted(reply.data["steps"] for reply in replies) == list(range(1, 25))
    _end(fleet, "v2", address)


def test_an_open_session_is_work_of_its_release(fleet: Fleet) -> None:
    """Its release is not deleted under it; it counts until it is ended."""
    before = fleet.find("api", "v1").active()["v1"]
    address = _begin(fleet, "v1")
    assert fleet.find("api", "v1").active() == {"v1": before + 1}
    assert fleet.find("api", "v2").active() == {"v2": 0}
    _end(fleet, "v1", address)
    _end(fleet, "v1", address)
    eventually("it counts no more", lambda: fleet.find("api", "v1").active() == {"v1": before})
    assert _at(fleet, "v1", address).status == 404


@pytest.mark.slow
def test_a_session_that_nobody_touches_ends_by_itself(own_fleet: Fleet) -> None:
    """A user who went away does not keep a release for ever."""
    own_fleet.start("api", "v1", session_idle_seconds="2")
    own_fleet.wait_until_ready()
    address = _begin(own_fleet, "v1")
    assert own_fleet.find("api", "v1").active() == {"v1": 1}
    eventually("it is forgotten", lambda: own_fleet.find("api", "v1").active() == {"v1": 0})
    assert _at(own_fleet, "v1", address, {}).status == 404
