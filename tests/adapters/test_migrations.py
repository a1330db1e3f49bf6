"""The pod in which an app's migrations run, without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters.migrations import Migration, SchemaLock, pods_of_releases
from rainbow.adapters.world import World
from rainbow.model.migrations import Migrations, Stage
from rainbow.model.names import release_labels
from tests.decisions.make import release

DESCRIBED: dict[str, Any] = {
    "image": "book",
    "state": ["book", "state"],
    "expand": {"to": 2, "command": ["book", "to", "2"], "timeout": "5m"},
    "needs": {"minimum": 2, "maximum": 3},
    "env": {"LEVEL": "full"},
    "envFrom": ["database"],
}


def pod(stage: Stage | None = Stage.EXPAND, **changes: Any) -> dict[str, Any]:
    """As it is made."""
    world = World(Emulated(None, store=Store()))
    return Migration(world, release("v2"), Migrations.model_validate(DESCRIBED | changes), stage)._object()


def test_secrets_are_named_and_never_read() -> None:
    """No value of one is in a parameter, a record or a log."""
    (container,) = pod()["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "database"}}]
    assert {"name": "LEVEL", "value": "full"} in container["env"]
    assert {"name": "RELEASE_ID", "value": "v2"} in container["env"]


def test_the_pod_has_no_rights_and_an_end() -> None:
    """Pod Security Standards, `restricted`; a token only for a ServiceAccount that the owner names."""
    spec = pod()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["activeDeadlineSeconds"] == 300
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert "serviceAccountName" not in spec
    named = pod(serviceAccount="migrator")["spec"]
    assert (named["serviceAccountName"], named["automountServiceAccountToken"]) == ("migrator", True)


def test_the_pod_is_no_part_of_the_workloads_of_the_release() -> None:
    """It is neither counted as a pod of it, nor deleted with it; it goes with the record."""
    meta = pod()["metadata"]
    assert meta["labels"] == {
        "rainbow.dev/app": "spawn",
        "rainbow.dev/migrates-for": "v2",
        "rainbow.dev/step": "expand",
    }
    assert [(owner["kind"], owner["name"]) for owner in meta["ownerReferences"]] == [("Release", "spawn-v2")]


def test_one_pod_for_the_stages_of_all_releases_and_one_each_for_their_questions() -> None:
    """So that two stages cannot run at once, and a question waits for nobody."""
    assert [pod(stage)["metadata"]["name"] for stage in (Stage.EXPAND, None)] == ["spawn-schema", "spawn-v2-schema"]
    assert pod(None)["spec"]["containers"][0]["command"] == ["book", "state"]


def test_the_lock_is_that_of_no_app() -> None:
    """An app `spawn-schema` has a lock of its own."""
    made = SchemaLock.__new__(SchemaLock)
    made.app = "spawn"
    assert made.lease == "rainbow-spawn.schema"


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("rainbow progress 1200/100000", "1200/100000"),
        ("12:00 INFO rainbow progress 1/2 rows", "1/2"),
        ("progress 1/2", None),
        ("rainbow progress 1/" + "9" * 400, None),
    ],
)
def test_progress_is_shown_in_the_argo_ui(tmp_path: Path, line: str, progress: str | None) -> None:
    """And the line is said like any other."""
    said: list[str] = []
    file = tmp_path / "progress"
    world = World(Emulated(None, store=Store()), say=said.append, progress=file)
    Migration(world, release("v2"), Migrations.model_validate(DESCRIBED), Stage.BACKFILL)._hear(line)
    assert said == [line]
    assert (file.read_text() if file.exists() else None) == progress


def test_pods_that_have_ended_are_not_counted() -> None:
    """Nor those of the steps; those that are just ending are."""
    kube = Emulated(None, store=Store())
    for number, (phase, more) in enumerate(
        [("Running", {}), ("Succeeded", {}), ("Running", {"rainbow.dev/step": "x"})]
    ):
        meta = {"name": f"p{number}", "namespace": "spawn", "labels": release_labels("spawn", "v1") | more}
        kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": {"phase": phase}})
    assert pods_of_releases(kube, "spawn", "spawn") == {"v1": 1}
