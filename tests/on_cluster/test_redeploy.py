"""`redeploy` on the cluster: a release that was deleted is deployed, tested and switched to like a new one."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime

import pytest
from argo_app import InArgo, made, unharmed
from spawn_app import RAINBOW
from stand_ins import users
from tiny import APP

from cluster.context import Context
from rainbow.adapters.belongings import find_belongings, remove
from rainbow.adapters.kube import DEPLOYMENT, WORKFLOW, Kube
from rainbow.adapters.lock import read_lease
from rainbow.adapters.records import note
from rainbow.adapters.routes import read_route
from rainbow.adapters.workflows import redeploy_name
from rainbow.model.names import release_selector
from rainbow.model.release import Phase

pytestmark = [pytest.mark.cluster, pytest.mark.long]


def _delete(app: InArgo, release: str) -> None:
    """As `delete` leaves it: the record, and nothing else."""
    record = app.record(release)
    remove(app.kube, APP, release, find_belongings(app.kube, app.namespace, APP, [record]).of(release))
    note(app.kube, record, phase=Phase.DELETED, deleted_at=datetime.now(UTC), traffic="-")
    assert app.kube.list(DEPLOYMENT, app.namespace, labels=release_selector(APP, release)) == []


def _redeploy(app: InArgo, release: str, *flags: str) -> subprocess.Popen[str]:
    command = [RAINBOW, "redeploy", "-n", app.namespace, APP, release, *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_deleted_release_goes_live_again_like_a_new_one(kube: Kube, namespace: str, context: Context) -> None:
    """S11: from its record alone, tested, then switched to under load, though its first pod is killed (A3)."""
    app = made(kube, namespace, context, retention={"minimumAge": "10h"})
    app.deployed("v2")
    app.switch("v2")
    refused = _redeploy(app, "v1")
    _, said = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert f"it is still there (Draining): rainbow rollback -n {namespace} {APP} v1" in said
    _delete(app, "v1")
    workflow = redeploy_name(APP, "v1", str(app.record("v1").status.deleted_at))
    before = read_lease(kube, namespace, APP)
    with users(app, seconds=300, pause=0.1) as load:  # type: ignore[arg-type]
        asked = _redeploy(app, "v1", "--reason", "its data is needed", "-o", "json")
        app.kill(workflow, "redeploy")
        answer, said = asked.communicate(timeout=300)
    assert asked.returncode == 0, said
    unharmed(load)
    assert load.order() == ["v2", "v1"]
    status, result = app.record("v1").status, json.loads(answer)
    route, lease = read_route(kube, app.record("v1").spec.app), read_lease(kube, namespace, APP)
    assert before is not None
    assert lease is not None
    assert route.current == "v1"
    # By hand each step has a token of its own; the workflow carried one from deploy to switch, and gave it back.
    assert (route.token, lease.token, lease.holder) == (before.token + 1, before.token + 1, None)
    assert (status.phase, status.traffic, status.deleted_at) == (Phase.CURRENT, "100%", None)
    assert status.redeployed_at is not None
    assert status.live_at is not None
    assert status.redeployed_at < status.live_at
    done = {step["name"]: step["tries"] for step in result["steps"] if step["state"] == "done"}
    assert {"redeploy", "deploy", "run-tests", "switch"} <= set(done)
    assert done["redeploy"] >= 2
    assert result["workflow"] == workflow
    labels = (kube.get(WORKFLOW, namespace, workflow) or {})["metadata"]["labels"]
    assert labels["rainbow.dev/release"] == "v1", "it is seen to be at work on the release"
    assert app.record("v2").status.phase is Phase.DRAINING
