"""Rainbow on a cluster with other people: what is checked, what CI may do, an upgrade, reuse by reference, the end."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from argo_app import CRON, ENDED, InArgo
from plain import eventually
from spawn_app import RAINBOW
from test_operators import master_of, rainbow
from tiny import APP, LINT

from cluster.context import Context
from rainbow.adapters.kube import CONFIG_MAP, DEPLOYMENT, POD, RELEASE, WORKFLOW, Forbidden, Kind, Kube, Object, connect
from rainbow.adapters.uninstalling import installed_objects
from rainbow.errors import RainbowError
from tests.docs.pages import blocks

pytestmark = pytest.mark.cluster
HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
NAMESPACE = Kind("v1", "Namespace")
WORDS = ("despite-hold", "allow-rejected")  # of people
TEMPLATE = Kind("argoproj.io/v1alpha1", "WorkflowTemplate")


def _states(answer: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {check["name"]: check["state"] for check in json.loads(answer.stdout)["checks"]}


def test_a_check_says_what_is_there_and_changes_nothing(kube: Kube, namespace: str, tmp_path: Path) -> None:
    """Everything is looked at as the administrator; who has rights in the namespace alone is told what is not known."""
    common = ("install", "--check", "-n", namespace, "-o", "json")
    whole = rainbow(*common, "--prometheus-url", "http://prometheus.platform.svc.cluster.local:9090")
    states = _states(whole)
    assert states.pop("argo-version") == "unknown"  # its image bears a digest for a tag
    states.pop("argo-controller")  # tests that run beside this one restart it
    assert set(states.values()) == {"fine"}, whole.stdout
    kube.patch(NAMESPACE, None, namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})
    nowhere = ("--prometheus-url", "http://nobody.platform:9090")
    master = master_of(kube, namespace, tmp_path / "kubeconfig")
    some = rainbow(*common, *nowhere, kubeconfig=master)
    assert some.returncode == 1, some.stdout + some.stderr
    unknown = dict.fromkeys(("argo-controller", "proxy", "prometheus"), "unknown")
    expected = unknown | {"rights": "fine", "builds": "missing"}
    assert expected.items() <= _states(some).items(), some.stdout
    without = rainbow("install", "--check", "-n", namespace, *nowhere)
    assert without.returncode == 1
    assert "there is no Service nobody in namespace platform" in without.stdout
    assert f"namespace {namespace} enforces baseline" in without.stdout
    assert installed_objects(kube, namespace) == []
    ended = _run(_commands("own-cluster.md")[-1], namespace, tmp_path)
    assert ended.count(f"nothing of Rainbow is installed in namespace {namespace}") == 2


def _commands(page: str) -> list[str]:
    """The blocks of a page that people run."""
    return [block.text for block in blocks(HOW_TO / page) if block.kind == "sh"]


def _run(script: str, namespace: str, folder: Path) -> str:
    """Run commands of a page as they stand there, for a namespace of the test's own; what they print."""
    assert "--namespace shop" in script
    (folder / "settings.yaml").write_text(Path(os.environ["RAINBOW_SETTINGS"]).read_text())
    shell = ["bash", "-e", "-u", "-o", "pipefail", "-c", script.replace("--namespace shop", f"--namespace {namespace}")]
    env = os.environ | {"PATH": f"{Path(RAINBOW).parent}:{os.environ['PATH']}"}
    done = subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_from_install_to_uninstall(
    kube: Kube, namespace: str, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI releases with its own rights while Rainbow is upgraded; others use its steps; then it goes, the app stays."""
    app = _installed_by_the_pages(kube, namespace, context, tmp_path)
    ci = tmp_path / "kubeconfig"
    path = app.written(tmp_path)
    submitted = rainbow("release", "-f", str(path), "--release", "v1", "--wait", "submitted", kubeconfig=ci)
    assert submitted.returncode == 0, submitted.stderr
    _upgrade(namespace, tmp_path / "settings.yaml")
    followed = rainbow("follow", "-n", namespace, APP, "v1", kubeconfig=ci)
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert app.record("v1").by == f"system:serviceaccount:{namespace}:rainbow-ci"
    planned = rainbow("plan", "-n", namespace, APP, kubeconfig=ci)
    assert (planned.returncode, "v1" in planned.stdout) == (0, True), planned.stderr
    monkeypatch.setenv("KUBECONFIG", str(ci))
    limited = connect()
    limited.attempts = 1
    monkeypatch.undo()
    _may_nothing_else(limited, app)
    _others_use_its_steps(app)
    _goes(app)


def _installed_by_the_pages(kube: Kube, namespace: str, context: Context, folder: Path) -> InArgo:
    """The commands of the pages, from top to bottom, up to the last, which takes all away again."""
    *commands, last = _commands("own-cluster.md")
    assert "rainbow uninstall" in last
    said = _run("\n".join([*commands, *_commands("gitops.md")]), namespace, folder)
    assert "\nyes\n" in said  # so CI may create workflows
    committed = list(yaml.safe_load_all((folder / "rainbow-shop.yaml").read_text()))
    assert {obj["metadata"]["namespace"] for obj in committed} == {namespace}
    # The schedule may come at any moment, and its workflow would be at work when all is to go.
    kube.patch(CRON, namespace, "collect-garbage", {"spec": {"suspend": True}})
    seen = {
        "proxy": f"127.0.0.1:{context.ports.traefik}",
        "prometheus": f"http://127.0.0.1:{context.ports.prometheus}",
    }
    return InArgo(kube, namespace, **seen, file={"lint": LINT})


def _upgrade(namespace: str, path: Path) -> None:
    """Other settings, while a release is under way: a proxy at which nobody listens, and a Secret to pull with."""
    settings = yaml.safe_load(Path(os.environ["RAINBOW_SETTINGS"]).read_text())
    settings |= {"proxy": {"http": "http://127.0.0.1:9", "https": "http://127.0.0.1:9"}, "image_pull_secrets": ["pull"]}
    path.write_text(yaml.safe_dump(settings))
    upgraded = rainbow("install", "-n", namespace, "--settings", str(path))
    assert upgraded.returncode == 0, upgraded.stderr
    assert "missing: secrets: " in upgraded.stderr


def _may_nothing_else(ci: Kube, app: InArgo) -> None:
    """Neither by a right, nor by a workflow that would have the rights of the steps."""
    namespace = app.namespace

    def workflow(**spec: Any) -> Object:
        meta = {"generateName": "sly-", "name": "sly", "namespace": namespace}
        return {"apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.kind, "metadata": meta, "spec": spec}

    def given(value: str, name: str) -> Object:
        return {"parameters": [{"name": "app", "value": APP}, {"name": name, "value": value}]}

    container = {"image": "any", "command": ["id"]}
    release = {"workflowTemplateRef": {"name": "release"}}
    for spec in (
        {"entrypoint": "a", "templates": [{"name": "a", "container": container}]},
        {"workflowTemplateRef": {"name": "switch"}},
        {"workflowTemplateRef": {"name": "release", "clusterScope": True}},
        {**release, "serviceAccountName": "rainbow-delete"},
        {**release, "podSpecPatch": "{}"},
        *({"workflowTemplateRef": {"name": "rollback"}, "arguments": given("true", word)} for word in WORDS),
    ):
        with pytest.raises(RainbowError, match=r"ci\.rainbow\.dev"):
            ci.create(workflow(**spec))
    # The copy of the template that the controller keeps in the status, made by somebody else.
    copied = {"entrypoint": "a", "templates": [{"name": "a", "container": container}], **release}
    for status in ({"storedWorkflowTemplateSpec": copied}, {"phase": "Running"}):
        with pytest.raises(RainbowError, match=r"brings no status"):
            ci.create(workflow(**release) | {"status": status})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace}}
    with pytest.raises(Forbidden):
        ci.create(pod | {"spec": {"containers": [container | {"name": "c"}]}})
    with pytest.raises(Forbidden):
        ci.list(Kind("v1", "Secret"), namespace)
    for kind, name in ((RELEASE, f"{APP}-v1"), (DEPLOYMENT, "web-v1"), (WORKFLOW, app.of("v1")), (TEMPLATE, "release")):
        with pytest.raises(Forbidden):
            ci.patch(kind, namespace, name, {"metadata": {"labels": {"sly": "yes"}}})
        with pytest.raises(Forbidden):
            ci.delete(kind, namespace, name)
    with pytest.raises(Forbidden):
        ci.list(CONFIG_MAP, "kube-system")


def _others_use_its_steps(app: InArgo) -> None:
    """A template of somebody else calls two steps by reference, with no right of its own; each has those of its step.

    It is the one that stands on the page. They are the templates of after the upgrade: the proxy at which nobody
    listens is not asked for what is within.
    """
    (page,) = [block.text for block in blocks(HOW_TO / "reuse-steps.md") if block.kind == "yaml"]
    theirs = yaml.safe_load(page)
    theirs["metadata"]["namespace"] = app.namespace
    app.kube.create(theirs)
    run = {"apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.kind}
    about = {"parameters": [{"name": "app", "value": APP}, {"name": "release", "value": "v1"}]}
    spec = {"workflowTemplateRef": {"name": theirs["metadata"]["name"]}, "arguments": about}
    app.kube.create(run | {"metadata": {"name": "theirs", "namespace": app.namespace}, "spec": spec})
    app.ended("theirs", "Succeeded", seconds=120)
    pods = app.kube.list(POD, app.namespace, labels="workflows.argoproj.io/workflow=theirs")
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"rainbow-run-tests", "rainbow-switch"}
    assert all(pod["spec"]["imagePullSecrets"] == [{"name": "pull"}] for pod in pods)
    variables = {e["name"]: e.get("value") for pod in pods for c in pod["spec"]["containers"] for e in c["env"]}
    assert variables["HTTPS_PROXY"] == "http://127.0.0.1:9"


def _goes(app: InArgo) -> None:
    """Refused first, then told so: what install brought is gone, users are answered as before."""
    namespace, common = app.namespace, ("uninstall", "-n", app.namespace)
    eventually(lambda: app.phase(app.of("v1")) in ENDED, "the end of v1's own workflow")
    refused = rainbow(*common)
    assert (refused.returncode, f"{APP} v1 (Current)" in refused.stderr) == (1, True), refused.stderr
    there = len(installed_objects(app.kube, namespace))
    planned = rainbow(*common, "--leave-releases", "--dry-run")
    assert planned.stdout.count("to remove: ") == there
    assert len(installed_objects(app.kube, namespace)) == there
    done = rainbow(*common, "--leave-releases")
    assert done.returncode == 0, done.stderr
    assert installed_objects(app.kube, namespace) == []
    assert app.answers() == 200
    assert app.backend() == "web-v1"
    assert app.ready(1, "web-v1")
    assert app.record("v1").status.traffic == "100%"
    again = rainbow(*common, "--leave-releases")
    assert (again.returncode, "nothing of Rainbow is installed" in again.stdout) == (0, True), again.stderr
    late = subprocess.run(
        [RAINBOW, "rollback", "-n", namespace, APP, "--reason", "late"], capture_output=True, text=True, check=False
    )
    assert late.returncode == 2
    assert "rainbow install" in late.stderr
