"""`delete` and what others left behind: records it cannot read, releases nobody works on, drained ones that stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from emulated import START, Emulated, StoppedClock, Store, point_route

from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.kube import SERVICE, Forbidden, Object
from rainbow.adapters.records import list_records, note, read_release
from rainbow.adapters.workflows import releases_at_work, workflow_object
from rainbow.adapters.world import World
from rainbow.decisions.drain import DrainDecision, DrainState
from rainbow.decisions.switch import SWITCHING
from rainbow.errors import TemporaryError
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import delete, wait_for_drain
from tests.decisions.make import app

IDLE = DrainDecision(DrainState.DRAINED, "0", ("no active task in 3 samples in a row",))
BUSY = DrainDecision(DrainState.WORKING, "1", ("1 active task",))
UNKNOWN = DrainDecision(DrainState.UNKNOWN, "unknown", ("active tasks unknown: no answer",))
HOUR = timedelta(hours=1)
# In the emulated world everything is made in the first minutes of an hour, and looked at in its last.
CONFIG = app(retention={"minimumAge": "10m", "failedAge": "10m"})
DRAINED: dict[str, Any] = {"phase": Phase.DRAINED, "live_at": START - 3 * HOUR, "demoted_at": START, "traffic": "-"}


@pytest.fixture
def kube() -> Emulated:
    """v9 is current."""
    kube = Emulated(None, attempts=1, store=Store())
    release(kube, "v9", phase=Phase.CURRENT, traffic="100%", live_at=START)
    point_route(kube, "web-v9")
    return kube


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[DrainDecision]]:
    """What looks at a release's tasks give, one after the other; the last one stays. Idle when not told otherwise."""
    told: dict[str, list[DrainDecision]] = {}

    def look(_self: DrainWatch, releases: Sequence[Release]) -> dict[str, DrainDecision]:
        given = {r.id: told.setdefault(r.id, [IDLE]) for r in releases}
        return {name: looks.pop(0) if len(looks) > 1 else looks[0] for name, looks in given.items()}

    monkeypatch.setattr(DrainWatch, "look", look)
    return told


def release(kube: Emulated, name: str, **status: Any) -> None:
    """A release with a Service."""
    kube.create(new_record(ReleaseSpec(release=name, app=CONFIG, manifests="")))
    note(kube, record(kube, name), **status)
    meta = {"name": f"web-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
    kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})


def record(kube: Emulated, name: str) -> Release:
    """The record as it is now."""
    return read_release(kube, "spawn", "spawn", name)


def there(kube: Emulated, name: str) -> bool:
    """Whether the release's Service is there."""
    return kube.get(SERVICE, "spawn", f"web-{name}") is not None


def workflow(kube: Emulated, name: str, phase: str) -> None:
    """The workflow of a release."""
    kube.create(workflow_object("release", "spawn", "spawn", name, {}) | {"status": {"phase": phase}})


def run(kube: Emulated, lines: list[str] | None = None, outputs: Path | None = None) -> list[str]:
    """Run the step; what it says."""
    said = [] if lines is None else lines
    world = World(kube, clock=StoppedClock(), say=said.append, outputs=outputs)
    delete.run(delete.Params(namespace="spawn", app="spawn", release="v9"), world)
    return said


# --- records that cannot be read ----------------------------------------------------------------------------


def spoil(kube: Emulated, name: str) -> None:
    """Have a record say what no version of Rainbow here understands, with something secret in it."""
    stored = kube.store.objects["releases", "spawn", f"spawn-{name}"]
    stored["spec"]["app"]["drain"]["prometheus"]["url"] = "http://bob:s3cret@prometheus"


def test_a_record_that_cannot_be_read_keeps_its_release_and_no_other(kube: Emulated, seen: Any) -> None:
    """It is said, without its secrets; the drained one beside it goes."""
    release(kube, "v1", **DRAINED)
    release(kube, "v2", **DRAINED)
    spoil(kube, "v1")
    said = "\n".join(run(kube))
    assert (there(kube, "v1"), there(kube, "v2")) == (True, False)
    assert "v1: keep: Release spawn/spawn-v1 is malformed (app.drain.prometheus.url: " in said
    assert "s3cret" not in said


def test_nobody_waits_for_a_record_that_cannot_be_read(kube: Emulated, seen: Any) -> None:
    """It is said once; the waiting ends."""
    release(kube, "v1", **DRAINED)
    spoil(kube, "v1")
    lines: list[str] = []
    params = wait_for_drain.Params(namespace="spawn", app="spawn", release="v9")
    wait_for_drain.run(params, World(kube, clock=StoppedClock(), say=lines.append))
    assert [line.split(":")[:2] for line in lines] == [["v1", " kept, and not waited for"], [lines[-1]]]
    _, (unreadable,) = list_records(kube, "spawn", "spawn")
    assert unreadable.release == "v1"


# --- releases that nobody works on --------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.TESTING, Phase.READY])
def test_a_release_that_came_to_no_end_goes_when_its_workflow_has_ended(kube: Emulated, phase: Phase) -> None:
    """Cancelled, out of retries, or submitted by half: old enough, it counts as failed. At work, it stays."""
    for name, state in (("v1", "Failed"), ("v2", "Running"), ("v3", "Pending")):
        release(kube, name, phase=phase)
        workflow(kube, name, state)
    release(kube, "v4", phase=phase)  # no workflow at all
    lines = run(kube)
    assert [name for name in ("v1", "v2", "v3", "v4") if there(kube, name)] == ["v2", "v3"]
    assert f"v2: keep: {phase}: it is being released, a workflow is at work on it" in lines
    assert "deleted: v1,v4" in lines
    assert record(kube, "v1").status.phase is Phase.DELETED


def test_one_that_is_young_stays(kube: Emulated) -> None:
    """Somebody may look at it and retry; the same words each time, so that the note is written once."""
    release(kube, "v1", phase=Phase.READY, tested_at=START + 0.9 * HOUR)
    run(kube)
    version = record(kube, "v1").resource_version
    run(kube)
    assert there(kube, "v1")
    assert record(kube, "v1").resource_version == version


def test_whether_a_workflow_runs_is_unknown_then_nothing_goes(kube: Emulated) -> None:
    """Without the right to list them, or without an answer."""

    class Closed(Emulated):
        def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
            if path.endswith("/workflows"):
                raise Forbidden("no right")
            return super()._once(method, path, query, body, content_type)

    release(kube, "v1", phase=Phase.PENDING)
    closed = Closed(None, attempts=1, store=kube.store)
    assert releases_at_work(closed, "spawn", "spawn") is None
    assert any("workflows cannot be listed" in line for line in run(closed))
    assert there(kube, "v1")


def test_workflows_of_any_make_count(kube: Emulated) -> None:
    """By name, label or parameter: one from the Argo UI has a name of its own; those of other apps do not count."""
    workflow(kube, "v1", "Running")
    workflow(kube, "v2", "Succeeded")
    by_hand = workflow_object("release", "spawn", "spawn", "v3", {"app": "spawn", "release": "v3"})
    by_hand["metadata"] = {"name": "release-x7k2p", "namespace": "spawn"}
    kube.create(by_hand)
    kube.create(workflow_object("release", "spawn", "other", "v4", {"app": "other", "release": "v4"}))
    done = workflow_object("release", "spawn", "spawn", "v5", {})
    done["metadata"]["labels"]["workflows.argoproj.io/completed"] = "true"
    kube.create(done)
    assert releases_at_work(kube, "spawn", "spawn") == {"v1", "v3"}


def broken_off(kube: Emulated, name: str, since: str, **status: Any) -> None:
    """A release whose switch left its mark at that time of the API server."""
    release(kube, name, **status, traffic=SWITCHING)
    entry = {"manager": "rainbow", "subresource": "status", "time": since}
    kube.store.objects["releases", "spawn", f"spawn-{name}"]["metadata"]["managedFields"] = [entry]


def test_the_mark_of_a_switch_that_was_broken_off_does_not_keep_for_ever(kube: Emulated, seen: Any) -> None:
    """Old and idle, it goes; busy or recent, it stays."""
    old, recent = json.loads(json.dumps([START - 2 * HOUR, START + 0.9 * HOUR], default=str))
    broken_off(kube, "v1", old, phase=Phase.READY)
    broken_off(kube, "v2", old, phase=Phase.READY)
    broken_off(kube, "v3", recent, phase=Phase.READY)
    broken_off(kube, "v4", old, **{k: v for k, v in DRAINED.items() if k != "traffic"})
    seen["v2"] = [BUSY]
    run(kube)
    assert [name for name in ("v1", "v2", "v3", "v4") if there(kube, name)] == ["v2", "v3"]
    assert record(kube, "v2").status.traffic == SWITCHING
    assert record(kube, "v1").status.demoted_at == START - 2 * HOUR


# --- the end of the step ------------------------------------------------------------------------------------


def test_it_comes_again_for_a_drained_release_that_stays_for_now(kube: Emulated, seen: Any, tmp_path: Path) -> None:
    """Waited for and drained, and busy again: exit code 75. What was deleted is told all the same."""
    release(kube, "v1", **DRAINED)
    release(kube, "v2", **DRAINED)
    seen["v1"] = [BUSY]
    with pytest.raises(TemporaryError, match="v1: was drained, and is kept: 1 active task"):
        run(kube, outputs=tmp_path)
    assert (tmp_path / "deleted").read_text() == "v2"
    seen["v1"] = [IDLE]
    run(kube, outputs=tmp_path)
    assert (tmp_path / "deleted").read_text() == "v1"


def test_it_comes_again_when_the_work_is_seen_after_the_mark(kube: Emulated, seen: Any, tmp_path: Path) -> None:
    """The second look decides, and nothing is told as deleted."""
    release(kube, "v1", **DRAINED)
    seen["v1"] = [IDLE, BUSY]
    with pytest.raises(TemporaryError, match="v1: was drained, and is kept: 1 active task"):
        run(kube, outputs=tmp_path)
    assert there(kube, "v1")
    assert (tmp_path / "deleted").read_text() == ""


def test_it_does_not_come_again_for_what_stays_until_somebody_acts(kube: Emulated, seen: Any) -> None:
    """Referred to by another route; or draining still, which another run waits for."""
    release(kube, "v1", **DRAINED)
    release(kube, "v2", **DRAINED | {"phase": Phase.DRAINING})
    seen["v2"] = [BUSY]
    backend = {"service": {"name": "web-v1", "port": {"number": 80}}}
    meta, spec = {"name": "admin", "namespace": "spawn"}, {"defaultBackend": backend}
    kube.create({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec})
    assert "deleted: " in run(kube)
    assert there(kube, "v1")
    assert there(kube, "v2")


@pytest.mark.parametrize(("looks", "stays"), [([BUSY], True), ([UNKNOWN], True), ([IDLE], False), ([IDLE, BUSY], True)])
def test_one_that_never_was_current_stays_while_somebody_tries_it(
    kube: Emulated, seen: dict[str, list[DrainDecision]], looks: list[DrainDecision], stays: bool
) -> None:
    """A switch to it was broken off, which had opened its own routes; unknown is not zero here either."""
    release(kube, "v1", phase=Phase.READY, traffic="-")
    seen["v1"] = looks
    run(kube)
    assert there(kube, "v1") is stays
