"""Routes other than an Ingress while steps are killed, race and are overruled, and users ask all the time.

The release path by an Ingress has the same in test_switch.py; every line of every kind of route is killed and raced
against an emulated API in tests/steps. Here it is the real API server and the real proxy that have to agree.
"""

from __future__ import annotations

import subprocess
import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from fire import FRESH, RELEASES, Interrupted, UnderFire, two_rules
from mortal import Doom, Mortal, was_killed
from routes_app import FRONTS, Front
from spawn_app import RAINBOW
from tiny import APP, Tiny

from cluster.context import Context
from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.records import note
from rainbow.errors import RainbowError, Refused
from rainbow.model.release import Phase

pytestmark = pytest.mark.cluster


@pytest.fixture(params=["service", "http_route"])
def app(kube: Kube, namespace: str, context: Context, request: pytest.FixtureRequest) -> UnderFire:
    """The app behind each of the two kinds of route in turn."""
    front: Front = FRONTS[request.param]
    if request.param == "http_route":
        front = replace(front, document=two_rules)
    made = UnderFire(Tiny(kube, namespace), front, f"127.0.0.1:{context.ports.traefik}")
    made.begin()
    return made


def test_killed_raced_and_overruled_no_user_notices(app: UnderFire) -> None:
    """A3, S1, S10, B5: whatever happens to a switch, each request is answered and the route leads to one release."""
    with app.watched() as load:
        _two_at_once(app)
        _overruled_at_the_worst_moment(app)
        _killed_around_its_patch(app)
    assert app.crossed == []
    assert load.failures == []
    assert {release for _, _, release in load.answers} == set(RELEASES)


def _two_at_once(app: UnderFire) -> None:
    """v2 and v3, both for the first time: the newer one is current in the end, whoever is quicker."""
    said, both = {}, threading.Barrier(2)

    def go(name: str) -> None:
        both.wait()
        try:
            app.run(name)
        except RainbowError as error:
            said[name] = error

    threads = [threading.Thread(target=go, args=(name,)) for name in ("v2", "v3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "v3" not in said, said
    assert isinstance(said.get("v2"), Refused | None), said  # superseded, unless it was quicker and was then replaced
    if "v2" in said:
        assert app.tiny.record("v2").status.phase is Phase.FAILED
    app.settled("v3")


def _overruled_at_the_worst_moment(app: UnderFire) -> None:
    """`rollback --now` while v3 is being switched to, before or after its patch: it wins, and a retry is refused."""
    for after in (False, True):
        note(app.tiny.kube, app.tiny.record("v2"), **FRESH)
        for name in ("v1", "v2"):
            app.run(name, allow_older=True)
        note(app.tiny.kube, app.tiny.record("v3"), **FRESH)
        kube = Interrupted(connect().client, where=app.route, after=after, what=lambda: _roll_back_now(app))
        with suppress(RainbowError):  # what it had done before it was overruled may have been all of it
            app.run("v3", workflow=f"overruled-{after}", kube=kube)
        assert kube.done
        assert app.current() == "v1"
        with pytest.raises(Refused, match="rolled back from"):
            app.run("v3", workflow=f"overruled-{after}")
        app.settled("v1")


def _roll_back_now(app: UnderFire) -> None:
    where = ["-n", app.tiny.namespace, APP, "v1", "--now", "--proxy-url", f"http://{app.proxy}"]
    answer = subprocess.run([RAINBOW, "rollback", *where], capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert app.current() == "v1"


def _killed_around_its_patch(app: UnderFire) -> None:
    """Before and after the patch of the route, and before each note of it: a second run finishes."""
    counted = Mortal(connect().client)
    app.run("v2", workflow="counted", kube=counted, allow_older=True)
    patch = 1 + next(n for n, path in enumerate(counted.written) if path.endswith(app.route))
    dooms = [(n, False) for n in range(patch, len(counted.written) + 1)] + [(patch, True)]
    for n, after in dooms:
        to = "v1" if app.current() == "v2" else "v2"
        workflow, order = f"killed-{n}-{after}", {"release": to, "allow_older": True}
        params = {"namespace": app.tiny.namespace, "app": APP, **order}
        user = f"system:serviceaccount:{app.tiny.namespace}:switch"
        if was_killed(Doom("switch", params, user, n, after, workflow)):
            moved = n > patch or after
            assert (app.current() == to) is moved
            app.run(to, workflow=workflow, allow_older=True)
        app.settled(to)
