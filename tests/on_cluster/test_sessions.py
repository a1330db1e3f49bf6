"""A session of spawn stays on its release across a switch and keeps it; its address goes with the release (F3, K2)."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
import yaml
from spawn_app import APP, Spawn, eventually

from cluster.context import Context
from rainbow.adapters.config_file import read_config
from rainbow.adapters.kube import SERVICE
from rainbow.adapters.records import note
from rainbow.adapters.sources import render_base
from rainbow.adapters.world import World
from rainbow.errors import TemporaryError
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps import delete, deploy, switch

pytestmark = pytest.mark.cluster


@pytest.fixture
def small(spawn: Spawn) -> Spawn:
    """spawn without workers, one API each, quick to be drained, nothing to be tested; v1 and v2 are deployed."""

    def quick(config: dict[str, Any]) -> None:
        config["drain"]["prometheus"] |= {"interval": "1s", "samples": 2, "maxAge": "10s"}
        config["retention"] = {"minimumAge": "0s"}
        del config["tests"]

    spawn.configure(quick)
    folder = spawn.folder / "deploy"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    kustomization["resources"].remove("worker.yaml")
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    (folder / "api.yaml").write_text((folder / "api.yaml").read_text().replace("replicas: 2", "replicas: 1"))
    for name in ("v1", "v2"):
        app = read_config(spawn.folder / "rainbow.yaml")
        spec = ReleaseSpec(release=name, app=app, manifests=render_base(folder), images=spawn.images)
        spawn.kube.create(new_record(spec))
        time.sleep(1.1)  # of two releases of one second neither is newer
    for name in ("v1", "v2"):
        _deploy(spawn, name)
    return spawn


def _deploy(spawn: Spawn, name: str) -> None:
    deploy.run(deploy.Params(namespace=spawn.namespace, app=APP, release=name), World(spawn.kube))
    note(spawn.kube, spawn.record(name), phase=Phase.READY)


def _switch(spawn: Spawn, name: str) -> None:
    params = switch.Params(namespace=spawn.namespace, app=APP, release=name, proxy_url=spawn.proxy)
    switch.run(params, World(spawn.kube))


def _delete(spawn: Spawn, context: Context) -> str:
    """Run the step once: what it said of v1; `gone` when nothing of it is left."""
    prometheus, nats = f"http://127.0.0.1:{context.ports.prometheus}", f"nats://127.0.0.1:{context.ports.nats}"
    params = delete.Params(namespace=spawn.namespace, app=APP, release="v2", prometheus_url=prometheus, nats_url=nats)
    lines: list[str] = []
    with contextlib.suppress(TemporaryError):
        delete.run(params, World(spawn.kube, say=lines.append))
    if spawn.record("v1").status.phase is Phase.DELETED:
        return "gone"
    return next(line for line in lines if line.startswith("v1: "))


def test_a_session_stays_on_its_release_until_it_ends(small: Spawn, context: Context) -> None:
    """Begun on v1 it goes on there after the switch, new ones begin on v2; v1 is kept for it, and goes after it."""
    _switch(small, "v1")
    release, session = small.ask("/sessions", {})
    address = session["address"]
    assert (release, address) == ("v1", f"/releases/v1/sessions/{session['id']}")
    assert small.ask(address, {})[1]["steps"] == 1
    _switch(small, "v2")
    assert [(small.ask(address, {})[0], small.ask("/")[0]) for _ in range(5)] == [("v1", "v2")] * 5
    assert small.ask(address)[1]["steps"] == 6
    release, other = small.ask("/sessions", {})
    assert (release, other["address"]) == ("v2", f"/releases/v2/sessions/{other['id']}")
    eventually("its work is known", lambda: "1 active task" in _delete(small, context), timeout=60)
    assert small.ask(address, {})[0] == "v1"
    _end(small, address)
    eventually("v1 is gone", lambda: _delete(small, context) == "gone", timeout=60)
    assert small.kube.get(SERVICE, small.namespace, "api-v1") is None
    with pytest.raises(urllib.error.HTTPError) as answered:
        small.ask(address, {})
    with answered.value as answer:
        assert (answer.code, answer.headers["X-Release"]) == (410, "v2")
        assert json.load(answer) == {"error": "release v1 is gone, and its sessions with it; begin a new one"}


def _end(spawn: Spawn, address: str) -> None:
    headers = {"Host": f"{spawn.namespace}.localhost"}
    request = urllib.request.Request(spawn.proxy + address, method="DELETE", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["X-Release"] == "v1"
