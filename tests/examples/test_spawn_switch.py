"""A real proxy switches users between two releases: nobody notices, tasks end where they began (S1, S2)."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from load import Load, Plan
from spawn_fleet import Fleet, Service, ask, eventually, free_port

pytestmark = pytest.mark.slow


class Proxy:
    """Traefik with one route, which a file names."""

    def __init__(self, folder: Path) -> None:
        self._routes = folder / "routes.yaml"
        self.url = f"http://127.0.0.1:{free_port()}"
        program = Path(sysconfig.get_path("scripts")) / "traefik"
        options = [
            f"--entrypoints.web.address={self.url.removeprefix('http://')}",
            f"--providers.file.filename={self._routes}",
            "--providers.providersthrottleduration=50ms",
        ]
        self._routes.write_text("{}")
        with (folder / "traefik.log").open("wb") as log:
            self.process = subprocess.Popen([program, *options], stdout=log, stderr=log)

    def point_at(self, api: Service) -> float:
        """Point the route at an API; returns when, in Unix seconds."""
        service = {"loadBalancer": {"servers": [{"url": api.url}]}}
        router = {"rule": "Host(`spawn.localhost`)", "service": "api"}
        # Renamed into place: the proxy must never read half a file.
        aside = self._routes.with_suffix(".part")
        aside.write_text(json.dumps({"http": {"routers": {"spawn": router}, "services": {"api": service}}}))
        moment = time.time()
        aside.replace(self._routes)
        return moment


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """A proxy that ends with the test."""
    proxy = Proxy(tmp_path)
    yield proxy
    proxy.process.kill()
    proxy.process.wait()


def test_a_switch_is_not_noticed(own_fleet: Fleet, proxy: Proxy) -> None:
    """To v2, back to v1, and v2's API stopped after it: no request fails, and each task stays on its release."""
    apis = {}
    for release in ("v1", "v2"):
        apis[release] = own_fleet.start("api", release)
        own_fleet.start("worker", release)
    own_fleet.start("storage", "outside")
    own_fleet.wait_until_ready()
    proxy.point_at(apis["v1"])
    load = Load(Plan(proxy.url, rate=100, tasks_per_second=5, task_seconds=(0, 0.5, 4)))
    eventually("the proxy answers", lambda: proxy_answers(proxy, "v1"))
    load.start()
    time.sleep(1)
    to_v2 = proxy.point_at(apis["v2"])
    time.sleep(2)
    seen = load.snapshot().switch_moments
    assert to_v2 < seen["v2"].first < to_v2 + 1
    assert seen["v1"].last < to_v2 + 1
    back = proxy.point_at(apis["v1"])
    time.sleep(1)
    apis["v2"].stop()
    time.sleep(1)
    results = load.stop()
    assert results.harmless, json.dumps(results.summary(), indent=1)
    assert results.switch_moments["v2"].last < back + 1
    assert {task.accepted_release for task in results.tasks} == {"v1", "v2"}


def proxy_answers(proxy: Proxy, release: str) -> bool:
    """Say whether the proxy's answers come from a release."""
    try:
        return ask(f"{proxy.url}/", host="spawn.localhost").headers.get("X-Release") == release
    except OSError:
        return False
