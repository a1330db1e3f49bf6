"""The step `probe`: the app's own route without pause, against a real server; a single failure fails it (J2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from emulated import Emulated, Store, point_route

from rainbow.adapters.kube import Kind, Object
from rainbow.adapters.world import World
from rainbow.errors import BadInput, PermanentError
from rainbow.model.release import ReleaseSpec, new_record
from steps import probe
from tests.adapters.probed import Server
from tests.decisions.make import app


class Quiet(Emulated):
    """Nothing happens in it, so there is nothing to be told of it."""

    def watch(self, kind: Kind, namespace: str, seconds: int, since: str | None = None) -> Iterator[tuple[str, Object]]:
        """Nothing."""
        return iter(())


@dataclass
class Stage:
    """The app with one release, and what the step said."""

    server: Server
    outputs: Path
    kube: Quiet = field(default_factory=lambda: Quiet(None, attempts=1, store=Store()))
    said: list[str] = field(default_factory=list)

    def run(self, **more: Any) -> None:
        """The step, for half a second."""
        given = {"namespace": "spawn", "app": "spawn", "lasting": timedelta(seconds=1), "proxy_url": self.server.url}
        world = World(kube=self.kube, say=self.said.append, outputs=self.outputs)
        probe.run(probe.Params(**given | more), world)

    def told(self, name: str) -> str:
        """An output parameter."""
        return (self.outputs / name).read_text()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """With a server as its proxy."""
    server = Server()
    thread = server.start()
    made = Stage(server, tmp_path)
    made.kube.create(new_record(ReleaseSpec(release="v1", app=app(), manifests="")))
    meta = {"name": "web-v1", "namespace": "spawn", "labels": {"rainbow.dev/app": "spawn", "rainbow.dev/release": "v1"}}
    made.kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
    point_route(made.kube, "web-v1")
    yield made
    server.stop()
    thread.join()


@pytest.mark.slow
def test_the_users_of_the_route_are_answered(stage: Stage) -> None:
    """Hosts and path are those of the route, the proxy is where rainbow.yaml or whoever runs it says."""
    stage.run()
    assert stage.server.hosts == {"shop"}
    assert stage.server.asked == {"GET /": 50}
    assert (stage.told("requests"), stage.told("failures")) == ("50", "0")
    assert float(stage.told("p99-ms")) > 0
    assert "50 requests, 0 failed" in stage.said[-1]
    assert "v1 (50)" in stage.said[-1]


@pytest.mark.slow
def test_a_single_failure_fails_it(stage: Stage) -> None:
    """It says when and how often, and hands on the numbers all the same."""
    with pytest.raises(PermanentError, match="25 of 50 failed"):
        stage.run(urls="http://shop/,POST http://shop/missing")
    assert stage.told("failures") == "25"
    assert any("25 times POST http://shop/missing, release v1: status 404" in line for line in stage.said)


@pytest.mark.slow
def test_an_answer_that_names_no_release_is_a_failure_when_that_is_wanted(stage: Stage) -> None:
    """As from a cache, or an error page of the proxy: it says nothing about the app."""
    route = {"ingress": {"name": "spawn", "url": "http://proxy"}, "releaseHeader": "X-Another"}
    stage.kube.create(new_record(ReleaseSpec(release="v2", app=app(route=route), manifests="")))
    stage.run()
    with pytest.raises(PermanentError, match="50 of 50 failed"):
        stage.run(named=True)


def test_a_dry_run_asks_nobody(stage: Stage) -> None:
    """It says what would be asked."""
    stage.run(dry_run=True)
    where = stage.server.url.removeprefix("http://")
    assert stage.said == [f"50 requests a second for 1 s through {where}: GET http://shop/"]
    assert not stage.server.asked


WRONG = {
    "a URL": ({"urls": "shop"}, "--urls"),
    "a rate": ({"rate": 0}, "greater than 0"),
    "too much": ({"rate": 1000, "lasting": timedelta(hours=1)}, "more than 1000000 requests"),
    "an app that is not there": ({"app": "other"}, "no release of an app other"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_asks_nobody(stage: Stage, name: str) -> None:
    """It is said what is wrong."""
    more, message = WRONG[name]
    with pytest.raises(BadInput, match=message):
        stage.run(**more)
    assert not stage.server.asked
