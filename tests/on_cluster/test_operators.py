"""The verbs of an operator by command, through Argo where that is the way; each says what it did and why."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from spawn_app import RAINBOW
from tiny import APP, Tiny

from rainbow.adapters.kube import POLICY, WORKFLOW, Kube
from rainbow.adapters.records import note
from rainbow.model.release import Phase

pytestmark = pytest.mark.cluster
LONG_AGO = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def rainbow(*arguments: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line; by default as the administrator."""
    env = os.environ | ({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})
    return subprocess.run([RAINBOW, *arguments], capture_output=True, text=True, timeout=120, check=False, env=env)


def master_of(kube: Kube, namespace: str, path: Path) -> Path:
    """The kubeconfig of somebody who may do everything in the namespace, and nothing outside of it."""
    api, meta = "rbac.authorization.k8s.io", {"name": "master", "namespace": namespace}
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    kube.create({"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": everything})
    ref = {"apiGroup": api, "kind": "Role", "name": "master"}
    binding = {"apiVersion": f"{api}/v1", "kind": "RoleBinding", "metadata": meta, "roleRef": ref}
    kube.create(binding | {"subjects": [{"kind": "ServiceAccount", "name": "master", "namespace": namespace}]})
    token = f"/api/v1/namespaces/{namespace}/serviceaccounts/master/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = json.loads(kube.request("POST", token, body=request))
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    for user in config["users"]:
        user["user"] = {"token": answer["status"]["token"]}
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_hold_through_argo_says_what_its_step_says(kube: Kube, namespace: str) -> None:
    """The lines of the step are printed, its exit code is the command's (A2, B5)."""
    subprocess.run([RAINBOW, "install", "-n", namespace], check=True, stdout=sys.stderr)
    tiny = Tiny(kube, namespace)
    tiny.submit("v1")
    held = rainbow("hold", "-n", namespace, APP, "v1", "--reason", "a look", "--by", "ann")
    assert (held.returncode, held.stdout) == (0, "release v1 of app tiny: held by ann: a look\n"), held.stderr
    second = rainbow("hold", "-n", namespace, APP, "v1", "--reason", "mine", "--by", "bob")
    assert second.returncode == 1
    assert "is held by ann since" in second.stdout
    assert tiny.record("v1").status.hold is not None
    _shown_in_the_argo_ui(kube, namespace)


def _shown_in_the_argo_ui(kube: Kube, namespace: str) -> None:
    """Of one that went well and of one that did not: what it was about, and what its step ended with."""
    workflows = {workflow["status"]["phase"]: workflow for workflow in kube.list(WORKFLOW, namespace)}
    titles = {workflow["metadata"]["annotations"]["workflows.argoproj.io/title"] for workflow in workflows.values()}
    assert titles == {"Hold: tiny v1"}
    (well,), (failed,) = (
        [node for node in workflows[phase]["status"]["nodes"].values() if node["type"] == "Pod"]
        for phase in ("Succeeded", "Failed")
    )
    outputs = {output["name"]: output["value"] for output in well["outputs"]["parameters"]}
    assert outputs["message"] == "release v1 of app tiny: held by ann: a look"
    assert failed["message"].startswith("main: Error (exit code 1): ")
    assert "is held by ann since" in failed["message"]


def test_the_policy_of_an_app_is_one_command(kube: Kube, namespace: str) -> None:
    """Checked against every release before it is written; what cannot be is exit 2 and changes nothing."""
    Tiny(kube, namespace).submit("v1", retention={"maximumDrainAge": "3h"})
    common = ("-n", namespace, APP)
    asking = ("drain.prometheus.samples=5", "drain.prometheus.interval=9s")
    changed = rainbow("policy", "set", *common, "retention.minimumAge=2h", "retention.keep=3", *asking)
    assert changed.returncode == 0, changed.stderr
    assert "drain.prometheus.samples=5  (by policy)" in changed.stdout
    assert "retention.minimumAge=2h  (by policy)" in changed.stdout
    assert "retention.maximumDrainAge=3h\n" in changed.stdout
    before = kube.get(POLICY, namespace, APP)
    for wrong, said in (
        ("retention.minimumAge=4h", "maximumDrainAge 3h is not above minimumAge 4h"),
        ("retention.size=4", "retention.size is no key of a policy"),
        ("keep", "expected KEY=VALUE"),
    ):
        answer = rainbow("policy", "set", *common, wrong)
        assert (answer.returncode, said in answer.stderr) == (2, True), answer.stderr
    assert kube.get(POLICY, namespace, APP) == before
    assert rainbow("policy", "set", *common, "retention.minimumAge=", "drain.prometheus.samples=").returncode == 0
    shown = rainbow("policy", "show", *common).stdout
    assert "drain.prometheus.samples=3\n" in shown
    assert "drain.prometheus.interval=9s  (by policy)" in shown
    assert "retention.minimumAge=1h\n" in shown
    assert "retention.keep=3  (by policy)" in shown
    assert rainbow("policy", "show", "-n", namespace, "nobody").returncode == 2


def test_a_plan_names_what_keeps_each_release(kube: Kube, namespace: str) -> None:
    """And what an operation would do; nothing is changed (B3)."""
    tiny = Tiny(kube, namespace)
    for name, status in (
        ("v1", {"phase": Phase.FAILED}),
        ("v2", {"phase": Phase.DELETED, "deleted_at": LONG_AGO}),
        ("v3", {}),
    ):
        note(kube, tiny.submit(name), **({"phase": Phase.PENDING} | status))
    versions = [tiny.record(name).resource_version for name in ("v1", "v2", "v3")]
    plan = rainbow("plan", "-n", namespace, APP)
    assert plan.returncode == 0, plan.stderr
    rows = {line.split()[0]: line for line in plan.stdout.splitlines()}
    assert set(rows) == {"RELEASE", "v1", "v3"}
    assert "keep" in rows["v1"]
    assert "Failed" in rows["v1"]
    assert "v2" in rainbow("plan", "--all", "-n", namespace, APP).stdout
    resumed = rainbow("plan", "-n", namespace, "resume", APP, "v3")
    assert "would be: nothing: it is not held" in resumed.stdout
    assert rainbow("plan", "-n", namespace, "dance", APP).returncode == 2
    assert rainbow("plan", "-n", namespace, "nobody").returncode == 2
    assert [tiny.record(name).resource_version for name in ("v1", "v2", "v3")] == versions


def test_who_has_rights_in_a_namespace_alone_is_told_what_is_missing(
    kube: Kube, namespace: str, tmp_path: Path
) -> None:
    """The rest is installed: an administrator has applied what belongs to the whole cluster once."""
    answer = rainbow("install", "-n", namespace, kubeconfig=master_of(kube, namespace, tmp_path / "kubeconfig"))
    assert answer.returncode == 0, answer.stderr
    assert "applied WorkflowTemplate release" in answer.stdout
    assert "CustomResourceDefinition releases.rainbow.dev, " in answer.stderr
    assert "ValidatingAdmissionPolicy releases.rainbow.dev" in answer.stderr
    assert "rainbow render --only cluster | kubectl apply --server-side --field-manager rainbow -f -" in answer.stderr
