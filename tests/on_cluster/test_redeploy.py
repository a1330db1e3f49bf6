"""`redeploy` on the cluster: a release that was deleted is deployed, tested and switched to like a new one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from routes_app import SERVER, ingress
from spawn_app import RAINBOW
from stand_ins import users
from tiny import APP, Tiny, deployment, service

from cluster.context import Context
from rainbow.adapters.belongings import find_belongings, remove
from rainbow.adapters.kube import DEPLOYMENT, WORKFLOW, Kube
from rainbow.adapters.lock import read_lease
from rainbow.adapters.records import note
from rainbow.adapters.routes import read_route
from rainbow.adapters.workflows import workflow_name
from rainbow.model.names import release_selector
from rainbow.model.release import Phase
from steps import deploy, switch

pytestmark = pytest.mark.cluster


@dataclass(frozen=True)
class Front:
    """Where its users ask."""

    proxy: str
    host: str


def _live(tiny: Tiny, release: str, proxy: str) -> None:
    """A release as its workflow leaves it; here without one, since that is not what is tested."""
    route = {"ingress": {"name": "front", "url": "http://traefik.platform:80"}}
    # A machine that is busy is no reason to take a pod away from its users: that is not what is tested.
    patient = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1, "timeoutSeconds": 30}
    base = [
        deployment(["python3", "-c", SERVER], readinessProbe=patient),
        service(),
        ingress(f"{tiny.namespace}.localhost"),
    ]
    tiny.submit(release, base=base, route=route)
    where = {"namespace": tiny.namespace, "app": APP, "release": release}
    deploy.run(deploy.Params(**where), tiny.world("deploy", deploy.RULES))
    note(tiny.kube, tiny.record(release), phase=Phase.READY)
    switch.run(switch.Params(**where, proxy_url=f"http://{proxy}"), tiny.world("switch", switch.RULES))


def _delete(tiny: Tiny, release: str) -> None:
    """As `delete` leaves it: the record, and nothing else."""
    record = tiny.record(release)
    remove(tiny.kube, APP, release, find_belongings(tiny.kube, tiny.namespace, APP, [record]).of(release))
    note(tiny.kube, record, phase=Phase.DELETED, deleted_at=datetime.now(UTC), traffic="-")


def _rainbow(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([RAINBOW, *arguments], capture_output=True, text=True, timeout=300, check=False)


def test_a_deleted_release_goes_live_again_like_a_new_one(kube: Kube, namespace: str, context: Context) -> None:
    """S11: from its record alone, tested, then switched to under load; what is still there is not redeployed."""
    subprocess.run([RAINBOW, "install", "-n", namespace], check=True, stdout=sys.stderr)
    tiny, front = Tiny(kube, namespace), Front(f"127.0.0.1:{context.ports.traefik}", f"{namespace}.localhost")
    for release in ("v1", "v2"):
        _live(tiny, release, front.proxy)
    refused = _rainbow("redeploy", "-n", namespace, APP, "v1")
    assert refused.returncode == 1
    assert f"it is still there (Draining): rainbow rollback -n {namespace} {APP} v1" in refused.stderr
    _delete(tiny, "v1")
    assert kube.list(DEPLOYMENT, namespace, labels=release_selector(APP, "v1")) == []
    with users(front, seconds=300, pause=0.1) as load:
        answer = _rainbow("redeploy", "-n", namespace, APP, "v1", "--reason", "its data is needed", "-o", "json")
    assert answer.returncode == 0, answer.stderr
    first = next((at for at, _, release in load.answers if release == "v1"), None)
    assert load.failures == [], f"v1 answered first at {first}"
    assert load.order() == ["v2", "v1"]
    status, result = tiny.record("v1").status, json.loads(answer.stdout)
    route, lease = read_route(kube, tiny.record("v1").spec.app), read_lease(kube, namespace, APP)
    assert lease is not None
    assert route.current == "v1"
    # By hand each step has a token of its own; the workflow carried one from deploy to switch, and gave it back.
    assert (route.token, lease.token, lease.holder) == (5, 5, None)
    assert (status.phase, status.traffic, status.deleted_at) == (Phase.CURRENT, "100%", None)
    assert status.redeployed_at is not None
    assert status.live_at is not None
    assert status.redeployed_at < status.live_at
    done = {step["name"] for step in result["steps"] if step["state"] == "done"}
    assert {"redeploy", "deploy", "run-tests", "switch"} <= done
    assert result["workflow"] != workflow_name(APP, "v1")
    labels = (kube.get(WORKFLOW, namespace, result["workflow"]) or {})["metadata"]["labels"]
    assert labels["rainbow.dev/release"] == "v1", "it is seen to be at work on the release"
    assert tiny.record("v2").status.phase is Phase.DRAINING
