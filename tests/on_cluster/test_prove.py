"""The zero-downtime test on the cluster: naive rollouts are caught, and nobody notices ours (J2, S1)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from naive import CONTROLS
from plain import eventually
from spawn_app import RAINBOW
from tiny import Tiny

from bench.matrix import ROUTES, STRATEGIES, Size, Stage
from bench.probed_app import base, described
from cluster.context import Context
from rainbow.adapters.kube import POD, RELEASE, Kube
from steps import probe

pytestmark = pytest.mark.cluster
PLATFORM = "platform.svc.cluster.local"


@pytest.mark.long
def test_naive_rollouts_are_caught(kube: Kube, namespace: str, context: Context) -> None:
    """Positive controls, all at once: without readiness, without a graceful end, Recreate, deleted before the switch.

    Each fails with its time and what happened then; beside them the very same rollout of an app with all it needs does
    not, so it is the rollout that is seen, and not the probe.
    """
    proxy = f"127.0.0.1:{context.ports.traefik}"
    apps = {name: control.made(kube, namespace, name) for name, control in CONTROLS.items()}
    every = [app for made in apps.values() for app in made]
    for app in every:
        app.begin()
    for app in every:
        eventually(lambda app=app: app.rolled("v1"), f"{app.name} is ready")  # type: ignore[misc]
        eventually(lambda app=app: app.answers(proxy), f"users of {app.name} are answered")  # type: ignore[misc]
    urls = {name: f"http://{app.host}/" for name, (app, *_) in apps.items()}
    command = [RAINBOW, "probe", *urls.values(), "--connect", proxy, "--rate", "100", "--for", "90s"]
    asking = subprocess.Popen([*command, "-n", namespace, "-o", "json"], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        begun = time.time()
        for name, control in CONTROLS.items():
            control.act(apps[name][0])
        for app in (made[0] for made in apps.values() if len(made) == 1):
            eventually(lambda app=app: app.rolled("v2"), f"{app.name} is rolled")  # type: ignore[misc]
        eventually(lambda: len(kube.list(POD, namespace)) == len(CONTROLS), "what ends has ended")
        time.sleep(1)
    finally:
        asking.terminate()
        said, _ = asking.communicate(timeout=60)
    assert asking.returncode == 1
    report = json.loads(said)
    for name, control in CONTROLS.items():
        _caught(report, name, urls[name], control.cause, begun)


def _caught(report: dict[str, Any], name: str, url: str, cause: str | None, begun: float) -> None:
    counts = report["targets"][f"GET {url}"]
    failures = [failure for failure in report["failures"] if failure["target"] == f"GET {url}"]
    assert counts["sent"] > 100, name
    if cause is None:
        assert failures == [], name
        return
    assert counts["failed"] == sum(failure["count"] for failure in failures) > 0, name
    assert min(failure["first"] for failure in failures) >= _rfc(begun - 0.5), name
    told = [near["what"] for failure in failures for near in failure["around"]]
    assert any(what.startswith(cause) for what in told), (name, failures)


def _rfc(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nobody_notices(kube: Kube, namespace: str, context: Context, strategy: str, route: str) -> None:
    """Every strategy behind every kind of route: requests, downloads, streams, WebSockets; to and fro, or one roll."""
    stage = Stage(kube, namespace, strategy, route, f"127.0.0.1:{context.ports.traefik}")
    moves = [(None, "v1")] if strategy == "rolling" else [("v2", "v1"), ("v1", "v2")]
    proof = stage.proof(Size(rate=50, rounds=len(moves), pods=1))
    assert proof.good, (proof.unproved, proof.verdict.noticed, proof.verdict.bursts)
    assert [(r.turn.previous, r.turn.release) for r in proof.rounds] == moves
    assert all(r.sent > 20 for r in proof.rounds)
    assert all(sent > 0 for sent, _ in proof.verdict.summary.targets.values())
    assert {release for _, release in moves} <= set(proof.verdict.summary.releases)
    assert len(proof.verdict.summary.releases) == 2


@pytest.mark.long
def test_released_again_by_the_real_workflow(kube: Kube, namespace: str, context: Context, tmp_path: Path) -> None:
    """`rainbow prove` releases the app by its own workflow under load; and the step `probe` has the rights it needs.

    What came before is there without Argo, as it is not what is tried.
    """
    proxy = f"127.0.0.1:{context.ports.traefik}"
    subprocess.run([RAINBOW, "install", "-n", namespace], check=True, stdout=sys.stderr)
    Stage(kube, namespace, "rainbow", "ingress", proxy).live("v1", pods=1)
    config = described(namespace, "rainbow", "ingress", f"http://traefik.{PLATFORM}:80")
    (tmp_path / "rainbow.yaml").write_text(json.dumps(config))
    (tmp_path / "deploy").mkdir()
    objects = base(namespace, "ingress", 1)
    (tmp_path / "deploy" / "base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in objects))
    (tmp_path / "deploy" / "kustomization.yaml").write_text(json.dumps({"resources": ["base.yaml"]}))
    results = tmp_path / "results.json"
    prove = [RAINBOW, "prove", "-f", str(tmp_path / "rainbow.yaml"), "--proxy-url", f"http://{proxy}"]
    command = [*prove, "--times", "1", "--write", str(results)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nobody noticed" in done.stdout
    proof = json.loads(results.read_text())
    (only,) = proof["rounds"]
    assert proof["probe"]["sent"] == only["sent"] > 50
    assert only["previous"] == "v1"
    assert only["oldMs"] is not None
    assert kube.get(RELEASE, namespace, f"probed-{only['release']}") is not None
    tiny = Tiny(kube, namespace)
    params = probe.Params(namespace=namespace, app="probed", lasting=timedelta(seconds=1), proxy_url=f"http://{proxy}")
    probe.run(params, tiny.world("probe", probe.RULES))
    assert "50 requests, 0 failed" in tiny.said
