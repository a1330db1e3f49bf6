"""`deploy` on the cluster, with the rights of its Role: ready, hopeless, killed, run again."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tiny import APP, IMAGE, Tiny, deployment, service

from rainbow.adapters.kube import DEPLOYMENT, POD, SERVICE, Kind, Kube
from rainbow.adapters.records import note
from rainbow.decisions import readiness
from rainbow.errors import Conflict, PermanentError, Refused
from rainbow.model.names import release_selector
from rainbow.model.release import Phase
from steps import deploy

pytestmark = pytest.mark.cluster

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"a": "b"}}
NAMESPACED = [
    CONFIG_MAP,
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}},
    {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"part": "web"}}},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "web"},
        "spec": {"podSelector": {"matchLabels": {"part": "web"}}, "ingress": [{}]},
    },
]


@pytest.fixture
def tiny(kube: Kube, namespace: str) -> Tiny:
    """An app in a namespace of its own."""
    return Tiny(kube, namespace)


def run(tiny: Tiny, release: str = "v1", **more: Any) -> None:
    """The step."""
    params = deploy.Params(namespace=tiny.namespace, app=APP, release=release, **more)
    deploy.run(params, tiny.world("deploy", deploy.RULES))


def test_a_release_is_applied_and_ready(tiny: Tiny) -> None:
    """Every kind that an app is made of, within the rights of the step's Role; then it is to be tested."""
    tiny.submit(base=[*NAMESPACED, deployment(), service()])
    run(tiny)
    record = tiny.record()
    assert record.status.phase is Phase.TESTING
    assert record.status.deployed_at is not None
    assert {f"{ref.kind} {ref.name}" for ref in record.status.objects} == {
        "ConfigMap settings-v1",
        "ServiceAccount web-v1",
        "PodDisruptionBudget web-v1",
        "NetworkPolicy web-v1",
        "Deployment web-v1",
        "Service web-v1",
    }
    found = tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1")
    assert found is not None
    assert found["status"]["readyReplicas"] == 1
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert {"name": "RELEASE_ID", "value": "v1"} in container["env"]


def test_a_second_release_leaves_the_first_alone(tiny: Tiny) -> None:
    """Each is its own set of objects; not even the generation of the other's changes (S4)."""
    tiny.submit("v1")
    run(tiny, "v1")
    before = tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1")
    tiny.submit("v2")
    run(tiny, "v2")
    after = tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1")
    assert before is not None
    assert after is not None
    assert (before["metadata"]["uid"], before["spec"]) == (after["metadata"]["uid"], after["spec"])
    assert after["status"]["readyReplicas"] == 1


def test_run_twice_is_one_release(tiny: Tiny) -> None:
    """A second run changes nothing, down to the resource version of the Deployment's spec."""
    tiny.submit()
    run(tiny)
    before = tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1")
    run(tiny)
    after = tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1")
    assert before is not None
    assert after is not None
    assert before["metadata"]["generation"] == after["metadata"]["generation"]
    assert len(tiny.kube.list(POD, tiny.namespace, labels=release_selector(APP, "v1"))) == 1


def test_a_dry_run_changes_nothing(tiny: Tiny) -> None:
    """It says what would be applied."""
    tiny.submit()
    run(tiny, dry_run=True)
    assert "Deployment web-v1 (new)" in tiny.said
    assert tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1") is None
    assert tiny.record().status.objects == []


def test_a_crashing_release_is_given_up_with_its_last_words(tiny: Tiny) -> None:
    """Which pod, why, and what it said last; the record is Failed."""
    crash = ["python3", "-c", "import sys; sys.exit('no settings found')"]
    tiny.submit(base=[deployment(crash), service()], readyTimeout="20s")
    with pytest.raises(PermanentError) as error:
        run(tiny)
    assert "pod web-v1-" in str(error.value)
    assert "container web exited with 1" in str(error.value)
    assert "| no settings found" in str(error.value)
    record = tiny.record()
    assert record.status.phase is Phase.FAILED
    assert record.status.failed_at is not None
    assert "no settings found" in (record.status.message or "")


def test_an_image_that_is_not_there_is_given_up_early(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before the timeout, and with the registry's answer."""
    monkeypatch.setattr(readiness, "PATIENCE", timedelta(seconds=8))
    image = "registry.platform.svc.cluster.local:5000/nobody/nothing:1"
    tiny.submit(base=[deployment(image=image), service()], readyTimeout="10m")
    begun = time.monotonic()
    with pytest.raises(PermanentError, match="will not become ready") as error:
        run(tiny)
    assert time.monotonic() - begun < 90
    assert "nobody/nothing:1" in str(error.value)


def test_a_probe_that_never_succeeds_is_told(tiny: Tiny) -> None:
    """The kubelet's own words say what it asked and what came back."""
    probe = {"httpGet": {"path": "/missing", "port": 8000}, "periodSeconds": 1, "timeoutSeconds": 10}
    tiny.submit(base=[deployment(readinessProbe=probe), service()], readyTimeout="15s")
    with pytest.raises(PermanentError, match=r"is not ready after 15s") as error:
        run(tiny)
    assert "Readiness probe failed" in str(error.value)
    assert "404" in str(error.value)


def test_a_pod_that_fits_on_no_node_is_told(tiny: Tiny) -> None:
    """The scheduler's own words."""
    huge = {"requests": {"memory": "64Ti"}}
    tiny.submit(base=[deployment(resources=huge), service()], readyTimeout="5s")
    with pytest.raises(PermanentError, match=r"no node takes it: .*Insufficient memory"):
        run(tiny)


def test_a_missing_secret_is_told(tiny: Tiny) -> None:
    """The container is never created, and the reason has the name of what is missing."""
    env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "a"}}}]
    tiny.submit(base=[deployment(env=env), service()], readyTimeout="10s")
    with pytest.raises(PermanentError, match='secret "nowhere" not found'):
        run(tiny)


def test_a_failed_release_can_be_deployed_again(tiny: Tiny) -> None:
    """What was missing is there now, and somebody pressed Retry."""
    env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "late", "key": "a"}}}]
    tiny.submit(base=[deployment(env=env), service()], readyTimeout="5s")
    with pytest.raises(PermanentError):
        run(tiny)
    secret = {**SECRET, "metadata": {"name": "late", "namespace": tiny.namespace}}
    tiny.kube.create(secret)
    pods = tiny.kube.list(POD, tiny.namespace)
    tiny.kube.delete(POD, tiny.namespace, pods[0]["metadata"]["name"])
    for _ in range(12):  # the timeout is short for the first half of this test
        try:
            run(tiny)
            break
        except PermanentError:
            continue
    record = tiny.record()
    assert record.status.phase is Phase.TESTING
    assert (record.status.failed_at, record.status.message) == (None, None)


def test_a_base_with_a_cluster_role_is_refused_before_anything_is_applied(tiny: Tiny) -> None:
    """By name; the release is marked as failed, and nothing of it is there."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "all"}}
    tiny.submit(base=[deployment(), service(), role])
    with pytest.raises(Refused, match="ClusterRole all belongs to the whole cluster"):
        run(tiny)
    assert tiny.kube.get(SERVICE, tiny.namespace, "web-v1") is None
    assert tiny.record().status.phase is Phase.FAILED


def test_what_somebody_else_made_is_not_taken_over(tiny: Tiny) -> None:
    """With the rights of its Role it sees whose an object is, before anything is written; and in between as well."""
    mine = {"name": "web-v1", "namespace": tiny.namespace, "labels": {"mine": "yes"}}
    made = tiny.kube.create({**service(), "metadata": mine})
    tiny.submit()
    with pytest.raises(Refused, match="Service web-v1 was made by somebody else"):
        run(tiny)
    found = tiny.kube.get(SERVICE, tiny.namespace, "web-v1")
    assert found is not None
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1") is None
    assert (tiny.record().status.phase, tiny.record().status.objects) == (Phase.FAILED, [])
    with pytest.raises(PermanentError, match=r"metadata\.uid"):  # not the object that was looked at
        tiny.kube.apply({**service(), "metadata": mine | {"uid": "00000000-0000-0000-0000-000000000000"}})
    gone = {"name": "gone", "namespace": tiny.namespace, "uid": made["metadata"]["uid"]}
    with pytest.raises(Conflict):
        tiny.kube.apply({**service(), "metadata": gone})


def test_what_the_api_server_refuses_fails_the_release(tiny: Tiny) -> None:
    """A mistake in the manifests that only the API server sees; its words are in the message."""
    broken = deployment()
    broken["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Sometimes"
    tiny.submit(base=[broken, service()])
    with pytest.raises(PermanentError, match="imagePullPolicy"):
        run(tiny)
    assert tiny.record().status.phase is Phase.FAILED


def test_a_deleted_release_is_not_deployed(tiny: Tiny) -> None:
    """Its objects would be orphans, since `delete` is done with it."""
    note(tiny.kube, tiny.submit(), phase=Phase.DELETED)
    with pytest.raises(Refused, match="has been deleted"):
        run(tiny)
    assert tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1") is None
    assert tiny.record().status.phase is Phase.DELETED


def test_the_current_release_stays_current_when_deployed_again(tiny: Tiny) -> None:
    """Also when it fails this time: what users see is not touched, and the record says so."""
    tiny.submit()
    run(tiny)
    note(tiny.kube, tiny.record(), phase=Phase.CURRENT, traffic="100%")
    run(tiny)
    assert tiny.record().status.phase is Phase.CURRENT


def test_a_release_that_users_see_keeps_its_size(tiny: Tiny) -> None:
    """Somebody, or an autoscaler, made it larger or smaller: busy pods are not ended by deploying it again."""
    fixed = deployment()
    fixed["spec"]["replicas"] = 1
    tiny.submit(base=[fixed, service()])
    run(tiny)
    note(tiny.kube, tiny.record(), phase=Phase.DRAINING, traffic="-")
    tiny.kube.patch(DEPLOYMENT, tiny.namespace, "web-v1", {"spec": {"replicas": 2}})
    run(tiny)
    found = tiny.kube.get(DEPLOYMENT, tiny.namespace, "web-v1")
    assert found is not None
    assert found["spec"]["replicas"] == 2


def test_an_image_that_was_neither_given_nor_built_is_told(tiny: Tiny) -> None:
    """Rather than pulling something of that name from wherever."""
    tiny.submit(built={"web": {}})
    with pytest.raises(Refused, match="web was neither given nor built"):
        run(tiny)


def test_every_kind_of_workload_is_waited_for(tiny: Tiny) -> None:
    """A Job until it is complete; sets until all their pods are ready; schedules and autoscalers are just there."""
    pod = {"metadata": {"labels": {"part": "web"}}, "spec": deployment()["spec"]["template"]["spec"]}
    once = {"restartPolicy": "Never", "containers": [{"name": "once", "image": IMAGE, "command": ["sleep", "1"]}]}
    selector = {"matchLabels": {"part": "web"}}

    def obj(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}

    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "x"}
    base = [
        obj("apps/v1", "StatefulSet", {"selector": selector, "template": pod, "serviceName": "web"}),
        obj("apps/v1", "DaemonSet", {"selector": selector, "template": pod}),
        obj("batch/v1", "Job", {"template": {"spec": once}}),
        obj("batch/v1", "CronJob", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": once}}}}),
        obj("autoscaling/v2", "HorizontalPodAutoscaler", {"scaleTargetRef": target, "maxReplicas": 2}),
    ]
    tiny.submit(base=[*base, service()])
    run(tiny)
    job = tiny.kube.get(Kind("batch/v1", "Job"), tiny.namespace, "x-v1")
    assert job is not None
    assert job["status"]["succeeded"] == 1
    assert tiny.record().status.phase is Phase.TESTING
    run(tiny)  # and a second time, although a Job's template can never change


def test_a_job_that_fails_fails_the_release(tiny: Tiny) -> None:
    """With the reason that its controller gives."""
    fails = {"restartPolicy": "Never", "containers": [{"name": "once", "image": IMAGE, "command": ["false"]}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}}
    tiny.submit(base=[{**job, "spec": {"backoffLimit": 0, "template": {"spec": fails}}}])
    with pytest.raises(PermanentError, match="Job x-v1 failed: BackoffLimitExceeded"):
        run(tiny)


def test_killed_midway_it_has_an_inventory_and_a_second_run_finishes(tiny: Tiny, tmp_path: Path) -> None:
    """SIGKILL as soon as the first object is applied: everything that may be there is written down already."""
    tiny.submit(base=[*NAMESPACED, deployment(), service()])
    command = [str(Path(sys.executable).parent / "rainbow"), "step", "deploy", "--namespace", tiny.namespace]
    with subprocess.Popen([*command, "--app", APP, "--release", "v1"], stdout=subprocess.PIPE, text=True) as step:
        assert step.stdout is not None
        for line in step.stdout:
            if line.startswith("applied"):
                step.kill()
                break
    inventory = tiny.record().status.objects
    assert len(inventory) == 6
    there = [r for r in inventory if tiny.kube.get(Kind(r.api_version, r.kind), tiny.namespace, r.name)]
    assert there
    assert tiny.record().status.phase is Phase.PENDING
    run(tiny)
    assert tiny.record().status.phase is Phase.TESTING
