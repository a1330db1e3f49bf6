"""Answering the gate of a workflow, on workflows in the shape that Argo writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters.gate import Answer, answer_gate
from rainbow.adapters.kube import WORKFLOW, Object
from rainbow.adapters.workflows import workflow_object
from rainbow.errors import BadInput

YES = Answer("yes", "approved by ann", datetime(2026, 5, 4, 12, 0, tzinfo=UTC))


def gate(phase: str, **more: Any) -> Object:
    """The node of the gate."""
    return {"gate": {"displayName": "approval", "templateName": "approval", "type": "Suspend", "phase": phase} | more}


def cluster(nodes: Object | None, name: str | None = None) -> Emulated:
    """A workflow of v1 with these nodes."""
    kube = Emulated(None, store=Store())
    workflow = workflow_object("release", "shops", "shop", "v1", {}, name=name)
    kube.create(workflow | ({"status": {"nodes": nodes}} if nodes is not None else {}))
    return kube


def answer(kube: Emulated) -> str:
    """Say yes to v1."""
    return answer_gate(kube, "shops", "shop", "v1", YES)


@pytest.mark.parametrize("name", [None, "redeploy-shop-v1-x"])
def test_a_yes_is_what_argo_itself_would_write(name: str | None) -> None:
    """On the node: its output, its phase, its end, and who; whatever the workflow is called."""
    kube = cluster(gate("Running", outputs={"parameters": [{"name": "approved", "valueFrom": {"supplied": {}}}]}), name)
    workflow = answer(kube)
    found = kube.get(WORKFLOW, "shops", workflow)
    assert found is not None
    node = found["status"]["nodes"]["gate"]
    assert node["phase"] == "Succeeded"
    assert node["outputs"] == {"parameters": [{"name": "approved", "value": "yes"}]}
    assert node["message"] == "approved by ann"
    assert node["finishedAt"] == "2026-05-04T12:00:00.000Z"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (None, r"\(yet\); follow it: rainbow follow -n shops shop v1"),
        ({}, r"\(yet\)"),
        (gate("Skipped"), r"\(yet\)"),
        (
            gate("Succeeded", outputs={"parameters": [{"name": "approved", "value": "no"}]}, message="by bob"),
            "it was answered with no .*: by bob",
        ),
    ],
)
def test_who_does_not_wait_gets_no_answer(nodes: Object | None, said: str) -> None:
    """Exit 2, nothing written; a second person is told what the first one said."""
    kube = cluster(nodes)
    version = kube.store.version
    with pytest.raises(BadInput, match=f"no workflow of release v1 of app shop in namespace shops waits .*{said}"):
        answer(kube)
    assert kube.store.version == version


def test_an_unknown_release_is_wrong_input() -> None:
    """A typo, most likely."""
    with pytest.raises(BadInput, match="is the name right"):
        answer_gate(cluster(gate("Running")), "shops", "shop", "v9", YES)


def test_the_controller_may_write_meanwhile() -> None:
    """It does so all the time; the answer is written on what is there then."""
    kube = cluster(gate("Running"))
    other = Emulated(None, store=kube.store)
    done: list[int] = []

    def interfere(when: str) -> None:
        if when == "before" and not done:
            done.append(1)
            other.patch(WORKFLOW, "shops", "release-shop-v1", {"status": {"nodes": {"other": {"phase": "Running"}}}})

    kube.around = interfere
    answer(kube)
    nodes = kube.store.objects["workflows", "shops", "release-shop-v1"]["status"]["nodes"]
    assert (nodes["gate"]["phase"], nodes["other"]["phase"]) == ("Succeeded", "Running")
