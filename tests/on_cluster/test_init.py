"""`rainbow init` on the cluster: from a chart to a live release, and from what runs to the first release."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from plain import Plain, eventually
from spawn_app import RAINBOW
from tiny import APP

from cluster.context import Context
from rainbow.adapters import looking
from rainbow.adapters.config_file import read_config
from rainbow.adapters.kube import Kube
from rainbow.adapters.manifests import read_base
from rainbow.decisions.drafting import SeenRoute
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps import deploy, run_tests
from tests.adapters.charts import packaged, write_chart
from tests.adapters.test_helm import described, refused, rendered

pytestmark = pytest.mark.cluster


@pytest.fixture
def plain(kube: Kube, namespace: str, context: Context) -> Plain:
    """The app, not running yet."""
    ports = context.ports
    return Plain(kube, namespace, proxy=f"127.0.0.1:{ports.traefik}", prometheus=f"http://127.0.0.1:{ports.prometheus}")


def _init(folder: Path, *flags: str) -> str:
    done = subprocess.run(
        [RAINBOW, "init", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the first one compiles helm
def test_a_chart_is_described_and_released(helm: Path, plain: Plain, tmp_path: Path) -> None:
    """Proxy and Prometheus are found in the cluster; what it writes is deployed, hardened and gets the users."""
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text(f"apiVersion: v2\nname: {APP}\nversion: 1.0.0\n")
    text = "\n---\n".join(json.dumps(obj) for obj in plain.base(7))
    (tmp_path / "chart" / "templates" / "all.yaml").write_text(text.replace(": 7,", ": {{ .Values.replicas }},"))
    flags = ("--namespace", plain.namespace, "--tasks", "tasks", "--set", "replicas=1", "--look", "--yes")
    assert "rainbow release -f rainbow.yaml" in _init(tmp_path, "--chart", "chart", *flags)

    app = read_config(path := tmp_path / "rainbow.yaml")
    assert app.route.entry.url == "http://traefik.platform.svc.cluster.local:80"
    assert app.drain.prometheus.url == "http://prometheus.platform.svc.cluster.local:9090"
    assert app.harden
    base = read_base(path, app)
    plain.kube.create(new_record(ReleaseSpec(release="v1", app=app, manifests=base)))
    named = {"namespace": plain.namespace, "app": APP, "release": "v1"}
    world = plain.world("admin-like", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
    deploy.run(deploy.Params(**named), world)
    run_tests.run(run_tests.Params(**named), world)
    plain.switch("v1")
    assert plain.answers() == 200
    assert plain.record("v1").status.phase is Phase.CURRENT
    assert len(plain.pods("v1")) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_chart_of_a_registry_is_the_same_chart(helm: Path, context: Context, tmp_path: Path) -> None:
    """Pulled by its version; findings name its templates all the same, and an unknown version is named."""
    chart = write_chart(tmp_path / "chart")
    url = f"oci://127.0.0.1:{context.ports.registry}/rainbow/test-charts"
    pushing = [helm, "push", packaged(chart, helm, tmp_path), url, "--plain-http"]
    subprocess.run(pushing, check=True, capture_output=True, timeout=60)
    local = described(tmp_path)
    _, base = rendered(local)
    assert rendered(described(tmp_path, chart=f"{url}/shop", version="1.2.3", plainHttp=True))[1] == base
    command = [RAINBOW, "lint", "-f", str(local), "-o", "github"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "file=shop/templates/deployment.yaml,line=1," in done.stdout
    assert "helm cannot pull" in refused(described(tmp_path, chart=f"{url}/shop", version="9.9.9", plainHttp=True))


def test_what_runs_is_described_so_that_it_can_be_adopted(plain: Plain, tmp_path: Path) -> None:
    """Its base is written as well, without anything that the cluster has added."""
    plain.run_plainly(1)
    # A Gateway's proxy is found as an Ingress's is, and what its pods export by the labels of their targets.
    gateway = looking.proxies(plain.kube, SeenRoute("HTTPRoute", "any"), {})
    assert gateway == ["http://traefik.platform.svc.cluster.local:80"]
    eventually(lambda: looking.task_metrics(plain.prometheus, plain.namespace) == ["tasks"], "it is scraped")
    said = _init(tmp_path, "--from-namespace", plain.namespace, "--tasks", "tasks", "--app", APP, "--yes")
    assert "rainbow adopt -f rainbow.yaml --dry-run" in said
    written = "".join(file.read_text() for file in (tmp_path / "deploy").iterdir())
    for added in ("uid", "resourceVersion", "clusterIP", "status", "managedFields", "last-applied"):
        assert f"{added}:" not in written
    command = [RAINBOW, "adopt", "-f", str(tmp_path / "rainbow.yaml"), "--now"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    eventually(lambda: plain.record("v0").status.phase is Phase.CURRENT, "it is the first release")
    # A second look finds a release where the plain app was.
    (tmp_path / "again").mkdir()
    again = subprocess.run(
        [RAINBOW, "init", "--from-namespace", plain.namespace, "--yes"],
        cwd=tmp_path / "again",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert again.returncode == 2
    assert "has no plain Deployment to adopt; Deployment web belongs to release v0 already" in again.stderr
