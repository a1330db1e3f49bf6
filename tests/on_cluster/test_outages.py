"""What a whole release does while something around it is away: Prometheus, or what its pods need."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from argo_app import InArgo, made
from plain import Plain, eventually
from spawn_app import RAINBOW
from tiny import APP

from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, Kube
from rainbow.model.release import Phase

pytestmark = pytest.mark.cluster


@contextmanager
def away(kube: Kube, namespace: str, deployment: str) -> Iterator[None]:
    """A Deployment without pods; afterwards it is back and ready."""

    def scale(replicas: int) -> None:
        kube.patch(DEPLOYMENT, namespace, deployment, {"spec": {"replicas": replicas}})

    def ready() -> int:
        found = kube.get(DEPLOYMENT, namespace, deployment) or {}
        count: int = found["status"].get("readyReplicas", 0)
        return count

    scale(0)
    try:
        eventually(lambda: ready() == 0, f"{deployment} is away")
        yield
    finally:
        scale(1)
        eventually(lambda: ready() == 1, f"{deployment} is back")


@pytest.mark.alone
def test_without_prometheus_nothing_is_deleted(kube: Kube, namespace: str, context: Context) -> None:
    """Unknown is not zero (B1): the older release is kept, says why, and goes when Prometheus is back."""
    ports = context.ports
    seen = {"proxy": f"127.0.0.1:{ports.traefik}", "prometheus": f"http://127.0.0.1:{ports.prometheus}"}
    app = Plain(kube, namespace, **seen)
    for release in ("v1", "v2"):
        app.deployed(release, retention={"minimumAge": "2s"})
        app.switch(release)
    with _step(app, "wait-for-drain") as waiting:
        with away(kube, "platform", "prometheus"):
            eventually(lambda: app.record("v1").status.tasks == "unknown", "v1 is waited for")
            demoted, minimum_age = app.record("v1").status.demoted_at, app.record("v1").spec.app.retention.minimum_age
            assert demoted is not None
            eventually(lambda: datetime.now(UTC) > demoted + 2 * minimum_age, "v1 is old enough")
            with _step(app, "delete") as deleting:
                assert deleting.wait(60) == 0
            status = app.record("v1").status
            assert (status.phase, status.tasks) == (Phase.DRAINING, "unknown")
            assert status.blocker
            assert kube.get(DEPLOYMENT, namespace, "web-v1") is not None
            assert waiting.poll() is None
        assert waiting.wait(120) == 0
    with _step(app, "delete") as deleting:
        assert deleting.wait(60) == 0
    assert app.record("v1").status.phase is Phase.DELETED
    assert app.backend() == "web-v2"


@contextmanager
def _step(app: Plain, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A step for v2, in a process of its own, as Argo runs it."""
    command = [RAINBOW, "step", name, "--namespace", app.namespace, "--app", APP, "--release", "v2"]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.long
def test_retry_in_the_ui_goes_on_where_it_failed(kube: Kube, namespace: str, context: Context) -> None:
    """A Secret was missing, so deploying failed; it is made, somebody presses Retry (A3), and the release goes live."""
    app = made(kube, namespace, context)
    app.secret = "licence"
    app.release("v2")
    failed = _follow(app)
    assert failed.returncode == 1, failed.stderr
    assert 'secret "licence" not found' in failed.stderr
    assert app.record("v2").status.phase is Phase.FAILED
    assert app.backend() == "web-v1"
    secret = {"name": "licence", "namespace": namespace}
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"LICENCE": "granted"}})
    app.press_retry(context, app.of("v2"))
    retried = _follow(app)
    assert retried.returncode == 0, retried.stderr
    assert app.backend() == "web-v2"
    assert app.record("v2").status.phase is Phase.CURRENT
    assert json.loads(retried.stdout)["release"] == "v2"


def _follow(app: InArgo) -> subprocess.CompletedProcess[str]:
    command = [RAINBOW, "follow", "-n", app.namespace, APP, "v2", "-o", "json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
