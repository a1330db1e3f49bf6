"""The Release resource in the API server: it never changes, tells what happened, and is not lost by mistake."""

import subprocess
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from spawn_app import RAINBOW, eventually
from tiny import APP, Tiny

from rainbow.adapters.kube import RELEASE, WORKFLOW, Kind, Kube
from rainbow.adapters.records import note
from rainbow.adapters.submission import submit
from rainbow.errors import BadInput, PermanentError
from rainbow.model.release import Mark, Phase

pytestmark = pytest.mark.cluster
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
COLUMNS = ("PHASE", "TRAFFIC", "TASKS", "AGE", "BLOCKER", "HELD", "REJECTED", "WORKFLOW", "BY")
HOLD = Mark(reason="we look into it", by="ann", at=NOW)


def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As an administrator types it."""
    return subprocess.run(["kubectl", *arguments], capture_output=True, text=True, timeout=60, check=False)


def rainbow(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line."""
    return subprocess.run([RAINBOW, *arguments], capture_output=True, text=True, timeout=60, check=False)


def guarded(kube: Kube, namespace: str, name: str) -> None:
    """Wait until the API server has taken notice of the policy."""

    def refused() -> bool:
        path = kube.path(RELEASE, namespace, name)
        try:
            kube.request("DELETE", path, query={"dryRun": "All"})
        except PermanentError:
            return True
        return False

    eventually("the policy is in force", refused)


@pytest.mark.parametrize(
    "change",
    [
        {"release": "v2"},
        {"manifests": "other"},
        {"images": {"web": "evil:1"}},
        {"source": {"git": {"url": "git://x/y", "commit": "0" * 40}}},
        {"app": {"readyTimeout": "1s"}},
        {"app": {"route": {"ingress": {"name": "other"}}}},
        {"app": {"retention": None}},
    ],
)
def test_no_part_of_the_spec_can_be_changed(kube: Kube, namespace: str, change: dict[str, Any]) -> None:
    """Neither what the schema describes nor what it only keeps (rainbow.yaml); by nobody, not even an administrator."""
    record = Tiny(kube, namespace).submit("v1")
    with pytest.raises(PermanentError, match="a release is immutable; make a new one"):
        kube.patch(RELEASE, namespace, record.name, {"spec": change})


def test_a_record_that_a_cut_submit_left_is_gone_on_from(kube: Kube, namespace: str) -> None:
    """The API server gives the spec back as it was written: the same release is known again; and runs once."""
    meta = {"name": "release", "namespace": namespace}
    nothing = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}
    kube.create({"apiVersion": WORKFLOW.api_version, "kind": "WorkflowTemplate", "metadata": meta, "spec": nothing})
    record = Tiny(kube, namespace).submit("v1", images={"web": "web:1"}, tests={"image": "web", "service": "web"})
    submit(kube, record.spec, None)
    with pytest.raises(BadInput, match=r"exists already .* rainbow follow"):
        submit(kube, record.spec, None)
    assert kube.get(WORKFLOW, namespace, "release-tiny-v1") is not None


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"phase": Phase.CURRENT, "traffic": "100%"}, "carries the traffic of users"),
        ({"phase": Phase.READY, "traffic": "switching"}, "carries the traffic of users"),
        ({"phase": Phase.DRAINING, "traffic": "-"}, "is draining, it may have work left"),
        ({"phase": Phase.DRAINED, "traffic": "-", "hold": HOLD}, "is held by ann: we look into it"),
    ],
)
def test_a_record_in_use_is_not_deleted_by_mistake(
    kube: Kube, namespace: str, status: dict[str, Any], said: str
) -> None:
    """Not even by an administrator, one by one or all at once; and the refusal says what to do instead (B2, B5)."""
    record = note(kube, Tiny(kube, namespace).submit("v1"), **status)
    guarded(kube, namespace, record.name)
    for how in (["release", record.name], ["releases", "--all"]):
        answer = kubectl("delete", "-n", namespace, *how)
        assert answer.returncode == 1
        assert f"release v1 of app tiny {said}" in answer.stderr
        assert f"rainbow {'resume' if 'hold' in status else 'plan'} -n {namespace} tiny" in answer.stderr
    assert Tiny(kube, namespace).record("v1").status.phase is status["phase"]


def test_a_record_that_nobody_needs_can_be_deleted_and_so_can_a_namespace(kube: Kube, namespace: str) -> None:
    """The policy protects what is in use, nothing else: a namespace with a current release still goes as a whole."""
    tiny = Tiny(kube, namespace)
    current = note(kube, tiny.submit("v0"), phase=Phase.CURRENT, traffic="100%")
    guarded(kube, namespace, current.name)
    for release, phase in (("v1", None), ("v2", Phase.DRAINED), ("v3", Phase.DELETED), ("v4", Phase.FAILED)):
        record = tiny.submit(release)
        if phase is not None:
            note(kube, record, phase=phase, traffic="-")
        assert kubectl("delete", "-n", namespace, "release", record.name).returncode == 0, release
    assert kubectl("delete", "namespace", namespace, "--timeout=60s").returncode == 0
    assert kube.get(Kind("v1", "Namespace"), None, namespace) is None


def test_the_record_reads_well_with_kubectl(kube: Kube, namespace: str) -> None:
    """Columns, events and conditions: what people look at without knowing Rainbow."""
    tiny = Tiny(kube, namespace)
    record = note(kube, tiny.submit("v1"), phase=Phase.TESTING, deployed_at=NOW)
    waiting: list[int] = []
    wait = threading.Thread(
        target=lambda: waiting.append(
            kubectl("wait", "-n", namespace, "--for=condition=Live", "--timeout=30s", "release/tiny-v1").returncode
        )
    )
    wait.start()
    time.sleep(1)
    assert not waiting, "it waits for a release that is not live"
    record = note(kube, record, phase=Phase.READY, tested_at=NOW)
    record = note(kube, record, phase=Phase.CURRENT, live_at=NOW, traffic="100%")
    wait.join()
    assert waiting == [0]
    note(kube, record, hold=HOLD, tasks="3")
    columns = kubectl("get", "releases", "-n", namespace, "-o", "wide").stdout
    assert columns.split("\n")[0].split() == ["NAME", *COLUMNS]
    assert columns.split("\n")[1].split()[:4] == ["tiny-v1", "Current", "100%", "3"]
    described = kubectl("describe", "release", "-n", namespace, "tiny-v1").stdout
    events = described[described.index("Events:") :]
    for said in ("Testing", "Ready", "Current  ", "Held", "ann: we look into it", "rainbow"):
        assert said in events, described
    conditions = {condition.type: condition for condition in tiny.record("v1").status.conditions}
    assert {name for name, c in conditions.items() if c.status == "True"} == {"Deployed", "Tested", "Live", "Held"}
    assert conditions["Live"].last_transition_time == NOW


def test_an_operator_holds_and_resumes_a_release_and_an_app(kube: Kube, namespace: str) -> None:
    """By command, here and now: who and why are kept; a second person is told who was first (B5)."""
    Tiny(kube, namespace).submit("v1")
    for what in ([APP, "v1"], [APP]):
        common = ["--now", "-n", namespace, *what]
        first = rainbow("hold", *common, "--reason", "a look", "--by", "ann")
        assert first.returncode == 0, first.stderr
        assert "held by ann: a look" in first.stdout
        assert rainbow("hold", *common, "--reason", "a look", "--by", "ann").returncode == 0
        second = rainbow("hold", *common, "--reason", "mine", "--by", "bob")
        assert second.returncode == 1
        assert "is held by ann since" in second.stderr
        assert f"rainbow resume -n {namespace} {' '.join(what)}" in second.stderr
        assert "no longer held by ann" in rainbow("resume", *common).stdout
        again = rainbow("resume", *common)
        assert (again.returncode, "it is not held" in again.stdout) == (0, True)
    assert rainbow("hold", "--now", "-n", namespace, "nobody", "--reason", "x").returncode == 2
    assert "Held" in kubectl("describe", "policy.rainbow.dev", "-n", namespace, APP).stdout
