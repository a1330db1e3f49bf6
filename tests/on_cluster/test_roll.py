"""`strategy: rolling` on the cluster, with the rights of each Role: rolled, undone by itself, and rolled back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from argo_app import InArgo, bare
from routes_app import SERVER, ingress
from stand_ins import users
from tiny import APP, Tiny, deployment, service

from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, SERVICE, Kube, Object
from rainbow.adapters.rolling import read_rolled
from rainbow.errors import PermanentError
from rainbow.model.release import Phase
from steps import collect_garbage, load

pytestmark = pytest.mark.cluster


# Of what is ready in the end, the time only bounds a test that fails.
HELPER = {"workloads": ["helper"], "deadline": "4m"}


@dataclass
class RolledApp:
    """The tiny app, rolled, behind an Ingress."""

    tiny: Tiny
    proxy: str  # host:port on this machine

    @property
    def host(self) -> str:
        """The host of its users."""
        return f"{self.tiny.namespace}.localhost"

    def submit(self, name: str, *, ready: bool = True, pods: int = 1, **config: Any) -> None:
        """The record of a release, whose pods become ready, or never do."""
        url = f"http://{self.proxy}"
        more = {"strategy": "rolling", "rolling": {"deadline": "4m" if ready else "8s"}}
        more |= {"route": {"ingress": {"name": "front", "url": url}}, "retention": {"minimumAge": "0s"}}
        self.tiny.submit(name, base=[_web(ready=ready, pods=pods), service(), ingress(self.host)], **(more | config))

    def run(self, step: str, release: str | None, **more: Any) -> None:
        """A step, with the rights of its Role and no more."""
        module = load(step)
        given = {"namespace": self.tiny.namespace, "app": APP} | ({"release": release} if release else {}) | more
        module.run(module.Params(**given), self.tiny.world(step, list(module.RULES)))

    def release(self, name: str, **config: Any) -> None:
        """From its record to being current."""
        self.submit(name, **config)
        for step in ("roll", "run-tests", "check-compatibility", "switch"):
            self.run(step, name)

    @property
    def at(self) -> tuple[str, bool] | None:
        """The release that the app is at, and whether it is all there."""
        found = read_rolled(self.tiny.kube, self.tiny.namespace, APP)
        return (found.release, found.settled) if found else None


def _web(*, ready: bool, pods: int = 1) -> Object:
    # Its end leaves the proxy the time to hear of it (C2).
    probe = {"httpGet": {"path": "/", "port": 8000 if ready else 9}, "periodSeconds": 1, "timeoutSeconds": 20}
    web = deployment(["python3", "-c", SERVER], readinessProbe=probe, lifecycle={"preStop": {"sleep": {"seconds": 2}}})
    web["spec"]["replicas"] = pods
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 5
    return web


@pytest.fixture
def rolled(kube: Kube, namespace: str, context: Context) -> RolledApp:
    """The app with its first release."""
    made = RolledApp(Tiny(kube, namespace), f"127.0.0.1:{context.ports.traefik}")
    made.release("v1")
    return made


def test_rolled_undone_and_rolled_back_no_user_notices(rolled: RolledApp) -> None:
    """F2: pod by pod; one that is never ready is undone on its deadline; and back by a rollback."""
    kube, namespace = rolled.tiny.kube, rolled.tiny.namespace
    with users(rolled, pause=0.01) as load:
        rolled.release("v2")
        assert rolled.at == ("v2", True)
        rolled.submit("v3", ready=False)
        with pytest.raises(PermanentError, match="undone: the app is at release v2 again") as caught:
            rolled.run("roll", "v3")
        assert "is not ready" in str(caught.value)
        assert rolled.at == ("v2", True)
        rolled.run("rollback", None, reason="a try")
        assert rolled.at == ("v1", True)
    assert load.failures == []
    assert load.order() == ["v1", "v2"]
    phases = {name: rolled.tiny.record(name).status.phase for name in ("v1", "v2", "v3")}
    assert phases == {"v1": Phase.CURRENT, "v2": Phase.DRAINING, "v3": Phase.FAILED}
    # What the releases before had is what the current one has.
    module = collect_garbage
    module.run(module.Params(namespace=namespace), rolled.tiny.world("collect-garbage", list(module.RULES)))
    assert rolled.tiny.record("v2").status.phase is Phase.DELETED
    assert kube.get(DEPLOYMENT, namespace, "web") is not None
    assert kube.get(SERVICE, namespace, "web") is not None


# Above its limit from the first look on; the one series that a watch has to have.
BREACH = {"name": "errors", "query": 'max(vector(1) or errors{release="$release"})', "limit": 0.5}
BAKE = {"duration": "1m", "interval": "1s", "breaches": 2, "traffic": BREACH["query"], "watch": [BREACH]}


def test_unavailable_first_and_both_lose_nobody_and_a_breach_rolls_back(rolled: RolledApp, context: Context) -> None:
    """F2, B4: of two pods one goes before one comes; then by a quarter; and a bake that sees harm rolls back."""
    kube, namespace = rolled.tiny.kube, rolled.tiny.namespace
    rolled.release("v2", pods=2)
    with users(rolled, pause=0.01) as load:
        for release, mode in (("v3", "unavailable"), ("v4", "both")):
            rolled.release(release, pods=2, rolling={"mode": mode, "deadline": "4m"})
            assert rolled.at == (release, True)
            assert _rolled_by(kube, namespace) == SETTINGS[mode]
        rolled.release("v5", pods=2, bake=BAKE)
        urls = {"proxy_url": f"http://{rolled.proxy}", "prometheus_url": f"http://127.0.0.1:{context.ports.prometheus}"}
        with pytest.raises(PermanentError, match=r"was switched back: errors 1, above the limit of 0\.5"):
            rolled.run("bake", "v5", **urls)
        assert rolled.at == ("v4", True)
    assert load.failures == []
    assert load.order()[:4] == ["v2", "v3", "v4", "v5"]
    rejected = rolled.tiny.record("v5").status.rejected
    assert rejected is not None
    assert rejected.by == "bake"
    assert rolled.tiny.record("v4").status.phase is Phase.CURRENT


# The strategy of a Deployment, from the Kubernetes documentation: a share of its pods, or a number of them.
SETTINGS = {
    "unavailable": {"maxSurge": 0, "maxUnavailable": 1},
    "both": {"maxSurge": "25%", "maxUnavailable": "25%"},
}


def _rolled_by(kube: Kube, namespace: str) -> Any:
    web = kube.get(DEPLOYMENT, namespace, "web")
    assert web is not None
    return web["spec"]["strategy"]["rollingUpdate"]


def test_a_helper_is_rolled_beside_releases_of_their_own(kube: Kube, namespace: str, context: Context) -> None:
    """The API is switched to, its stateless helper updated in place; a rollback takes both back."""
    app = RolledApp(Tiny(kube, namespace), f"127.0.0.1:{context.ports.traefik}")
    helper = deployment()
    helper["metadata"]["name"] = "helper"
    labels = {"part": "helper"}
    helper["spec"] |= {"selector": {"matchLabels": labels}}
    helper["spec"]["template"]["metadata"]["labels"] = labels
    for name in ("v1", "v2"):
        base = [_web(ready=True), service(), helper, ingress(app.host)]
        route = {"ingress": {"name": "front", "url": f"http://{app.proxy}"}}
        app.tiny.submit(name, base=base, route=route, rolling=HELPER)
        for step in ("roll", "deploy", "run-tests", "switch"):
            app.run(step, name)
        assert app.at == (name, True)
    names = {o["metadata"]["name"] for o in kube.list(DEPLOYMENT, namespace)}
    assert names == {"web-v1", "web-v2", "helper"}
    app.run("rollback", "v1")
    assert app.at == ("v1", True)
    assert app.tiny.record("v1").status.phase is Phase.CURRENT


def test_failing_tests_undo_a_roll_in_its_workflow(kube: Kube, namespace: str, context: Context) -> None:
    """In Argo: the workflow fails, and the app is at the release before; Retry harms nothing (A3)."""
    app = bare(kube, namespace, context, file={"strategy": "rolling"})
    app.submit("v1", base=app.base(), **app.described())
    world = app.world("admin-like", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
    for step in ("roll", "run-tests"):
        module = load(step)
        module.run(module.Params(namespace=namespace, app=APP, release="v1"), world)
    app.switch("v1")
    app.file["tests"] = {"image": _image(), "command": ["/bin/false"], "service": "web"}
    app.release("v2")
    app.ended(app.of("v2"), "Failed", seconds=300)
    _stayed(app)
    app.press_retry(context, app.of("v2"))
    app.ended(app.of("v2"), "Failed", seconds=300)
    _stayed(app)
    assert app.tries(app.of("v2"), "roll") == 1


def _stayed(app: InArgo) -> None:
    found = read_rolled(app.kube, app.namespace, APP)
    assert found is not None
    assert (found.release, found.settled) == ("v1", True), app.message(app.of("v2"))
    assert [app.record(name).status.phase for name in ("v1", "v2")] == [Phase.CURRENT, Phase.FAILED]


def _image() -> str:
    """The step image, which has a user of its own, as tests are to have."""
    settings = yaml.safe_load(Path(os.environ["RAINBOW_SETTINGS"]).read_text())
    return str(settings["step_image"])
