"""Approval through Argo: who waits blocks nobody, and only a yes is a yes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from hera.workflows import DAG, Parameter, Suspend, Task, Workflow
from routes_app import SERVER, ingress
from spawn_app import RAINBOW, eventually
from tiny import APP, Tiny, deployment, service

from rainbow.adapters.gate import GATE
from rainbow.adapters.kube import WORKFLOW, Kube, Object
from rainbow.adapters.routes import read_route
from rainbow.adapters.submission import submit
from rainbow.adapters.workflows import read_workflow, workflow_name
from rainbow.model.release import Phase, ReleaseSpec
from workflows.approval import ask_for_approval

pytestmark = pytest.mark.cluster


class Asking:
    """The tiny app, which asks for approval, released through Argo."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.kube, self.namespace, self.tiny = kube, namespace, Tiny(kube, namespace)
        subprocess.run([RAINBOW, "install", "-n", namespace], check=True, stdout=sys.stderr)
        route = {"ingress": {"name": "front", "url": "http://traefik.platform.svc.cluster.local:80"}}
        self.config = self.tiny.config(approval=True, route=route)

    def submit(self, release: str) -> None:
        """Its record and its workflow."""
        base = [deployment(["python3", "-c", SERVER]), service(), ingress(f"{self.namespace}.localhost")]
        manifests = "\n---\n".join(json.dumps(obj) for obj in base)
        submit(self.kube, ReleaseSpec(release=release, app=self.config, manifests=manifests), None)

    def gate(self, release: str) -> tuple[str, Object] | None:
        """The node of the gate, once it waits."""
        nodes = (self.workflow(release).get("status") or {}).get("nodes") or {}
        waiting = [(id_, n) for id_, n in nodes.items() if n["type"] == "Suspend" and n["phase"] == "Running"]
        return waiting[0] if waiting else None

    def workflow(self, release: str) -> dict[str, Any]:
        """As Argo has it."""
        return read_workflow(self.kube, self.namespace, workflow_name(APP, release))

    def approve(self, release: str, *flags: str) -> subprocess.CompletedProcess[str]:
        """By command."""
        command = [RAINBOW, "approve", "-n", self.namespace, APP, release, "--by", "ann", *flags]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def current(self) -> str | None:
        """Where the route leads."""
        return read_route(self.kube, self.config).current

    def phase(self, release: str) -> Phase:
        """Of its record."""
        return self.tiny.record(release).status.phase


@pytest.mark.long
def test_a_release_goes_live_only_after_a_yes_and_blocks_nobody_while_it_waits(kube: Kube, namespace: str) -> None:
    """Two wait side by side; the newer one is approved and goes live, and the older one still waits (B5, S3)."""
    app = Asking(kube, namespace)
    for release in ("v1", "v2"):
        app.submit(release)
        time.sleep(1.1)  # creation times have whole seconds
    for release in ("v1", "v2"):
        eventually(f"the gate of {release}", lambda release=release: app.gate(release))
    assert app.current() is None
    answer = app.approve("v2", "--reason", "seen its preview")
    assert (answer.returncode, "approved by ann: seen its preview" in answer.stdout) == (0, True), answer.stderr
    eventually("v2 is live", lambda: app.phase("v2") is Phase.CURRENT)
    again = app.approve("v2")
    assert (again.returncode, "it was answered with yes" in again.stderr) == (2, True)
    assert app.current() == "v2"
    assert app.gate("v1") is not None


# What argo-server writes on the node (argo-workflows, ResumeWorkflow and updateSuspendedNode).
RESUMED = {"phase": "Succeeded", "finishedAt": "2026-05-04T12:00:00Z"}


def _said(choice: str) -> Object:
    return RESUMED | {"outputs": {"parameters": [{"name": "approved", "value": choice}]}}


@pytest.mark.parametrize(
    ("node", "duration", "heard"),
    [
        (_said("yes"), "600", "yes"),
        (_said("no"), "600", "no"),  # Resume of the workflow takes the default of the gate
        (RESUMED, "600", "no"),  # Resume of the node alone takes nothing at all
        (None, "1", "no"),  # nobody answers
    ],
)
def test_whatever_is_not_a_yes_is_a_no(
    kube: Kube, namespace: str, node: Object | None, duration: str, heard: str
) -> None:
    """What the gate hands on, by the real controller: never nothing, for which Argo would wait for ever."""
    with Workflow(name="gate", namespace=namespace, entrypoint="main") as workflow:
        ask = ask_for_approval()
        listener = Suspend(name="listener", duration=1, inputs=[Parameter(name="approved")])
        with DAG(name="main"):
            asked = Task(name=GATE, template=ask)
            heard_ = {"approved": f"{{{{tasks.{GATE}.outputs.parameters.approved}}}}"}
            asked.next(Task(name="listener", template=listener, arguments=heard_))
    obj = workflow.to_dict()
    next(t for t in obj["spec"]["templates"] if t["name"] == GATE)["suspend"]["duration"] = duration
    kube.create(obj)

    def found(template: str) -> dict[str, Any]:
        nodes = (read_workflow(kube, namespace, "gate").get("status") or {}).get("nodes") or {}
        return {id_: n for id_, n in nodes.items() if n.get("templateName") == template and n["type"] == "Suspend"}

    (id_,) = eventually("the gate", lambda: found(GATE))
    if node is not None:
        kube.patch(WORKFLOW, namespace, "gate", {"status": {"nodes": {id_: node}}})
    (listening,) = eventually("an answer", lambda: found("listener"), timeout=60).values()
    assert [p["value"] for p in listening["inputs"]["parameters"]] == [heard]
