"""spawn's own services end in good order: its API is restarted under a probe, pod by pod, and nobody notices (J1)."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from spawn_app import APP, RAINBOW, Spawn, eventually

from rainbow.adapters.config_file import read_config
from rainbow.adapters.kube import DEPLOYMENT, POD
from rainbow.adapters.sources import render_base
from rainbow.adapters.world import World
from rainbow.model.release import ReleaseSpec, new_record
from steps import deploy, run_tests, switch

pytestmark = pytest.mark.cluster


def test_the_api_is_restarted_and_nobody_notices(spawn: Spawn) -> None:
    """Readiness, preStop, and answers to what is open after SIGTERM, on kept connections and new ones."""
    _live(spawn)
    host, proxy = f"{spawn.namespace}.localhost", spawn.proxy.removeprefix("http://")
    urls = [f"http://{host}/", f"http://{host}/tasks?limit=5", f"POST http://{host}/tasks"]
    task = json.dumps({"kind": "image", "seconds": 0})
    command = [RAINBOW, "probe", *urls, "--body", task, "--connect", proxy, "--rate", "12", "--for", "120s", "--named"]
    asking = subprocess.Popen([*command, "-n", spawn.namespace], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        annotations = {"metadata": {"annotations": {"restarted": str(time.time())}}}
        spawn.kube.patch(DEPLOYMENT, spawn.namespace, "api-v1", {"spec": {"template": annotations}})
        eventually("both pods of the API are new", lambda: _restarted(spawn), timeout=90)
        time.sleep(1)
    finally:
        asking.terminate()
        said, _ = asking.communicate(timeout=120)
    assert asking.returncode == 0, said


def _live(spawn: Spawn) -> None:
    """v1 is current; that one without Argo and its tests, as they are not what is tried."""
    app = read_config(spawn.folder / "rainbow.yaml").model_copy(update={"tests": None})
    base, images = render_base(spawn.folder / "deploy"), spawn.images
    spawn.kube.create(new_record(ReleaseSpec(release="v1", app=app, manifests=base, images=images)))
    for step in (deploy, run_tests):
        step.run(step.Params(namespace=spawn.namespace, app=APP, release="v1"), World(spawn.kube))
    switch.run(
        switch.Params(namespace=spawn.namespace, app=APP, release="v1", proxy_url=spawn.proxy), World(spawn.kube)
    )


def _restarted(spawn: Spawn) -> bool:
    """And the old ones have ended: they answer for some seconds after they were told to go."""
    found = spawn.kube.get(DEPLOYMENT, spawn.namespace, "api-v1")
    assert found is not None
    status = found["status"]
    counts = [status.get(key) for key in ("replicas", "updatedReplicas", "readyReplicas")]
    pods = spawn.kube.list(POD, spawn.namespace, labels="app.kubernetes.io/component=api")
    return status["observedGeneration"] == found["metadata"]["generation"] and counts == [2, 2, 2] and len(pods) == 2
