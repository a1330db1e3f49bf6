"""`rainbow policy`, `approve` and `plan` on an emulated cluster: what they print, write and refuse."""

from __future__ import annotations

from typing import Any

import pytest
from emulated import Emulated, Store, point_route
from shops import looks

from rainbow.adapters.policies import note_hold, read_policy
from rainbow.adapters.records import note, read_release
from rainbow.adapters.workflows import workflow_object
from rainbow.cli import cli
from rainbow.errors import BadInput, Conflict
from rainbow.model.names import release_labels
from rainbow.model.release import Mark, Phase, ReleaseSpec, SchemaNote, new_record
from tests.decisions.make import NOW, app


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """An app with one release, which drains."""
    made = Emulated(None, store=Store())
    for module in ("policy", "approve", "plan"):
        monkeypatch.setattr(f"rainbow.cli.{module}.connect", lambda **_: made)
    made.create(new_record(ReleaseSpec(release="v1", app=app(), manifests="")))
    note(made, read_release(made, "spawn", "spawn", "v1"), phase=Phase.DRAINING, demoted_at=NOW)
    return made


def run(*arguments: str) -> Any:
    """The command line, in this process."""
    return cli.main([*arguments], standalone_mode=False)


def test_a_policy_is_set_and_taken_back(kube: Emulated, capsys: pytest.CaptureFixture[str]) -> None:
    """Key by key; what is left is what the release brought along."""
    run("policy", "set", "-n", "spawn", "spawn", "retention.keep=3", "retention.minimumAge=2h")
    assert "retention.minimumAge=2h  (by policy)" in capsys.readouterr().out
    run("policy", "set", "-n", "spawn", "spawn", "retention.minimumAge=")
    assert "retention.minimumAge=1h\n" in capsys.readouterr().out
    assert read_policy(kube, "spawn", "spawn").spec.retention == {"keep": 3}


def test_a_policy_reaches_into_the_parts_of_drain(kube: Emulated, capsys: pytest.CaptureFixture[str]) -> None:
    """Down to a single value; what else stands beside it in rainbow.yaml stays in force."""
    query = 'max(tasks{release="$release"})'
    run("policy", "set", "-n", "spawn", "spawn", f"drain.prometheus.query={query}", "drain.prometheus.samples=5")
    run("policy", "set", "-n", "spawn", "spawn", "drain.prometheus.samples=")
    assert read_policy(kube, "spawn", "spawn").spec.drain == {"prometheus": {"query": query}}
    out = capsys.readouterr().out
    assert f"drain.prometheus.query={query}  (by policy)" in out
    assert "drain.prometheus.samples=3\n" in out
    assert "drain.prometheus.url=http://prometheus:9090\n" in out


def test_setting_a_policy_leaves_the_hold_alone(kube: Emulated) -> None:
    """They share a resource, and nothing else; also when somebody holds at the very moment."""
    hold = Mark(reason="a look", by="ann", at=NOW).model_dump(mode="json", by_alias=True)
    run("policy", "set", "-n", "spawn", "spawn", "retention.keep=1")
    other, done = Emulated(None, store=kube.store), list[int]()

    def interfere(when: str) -> None:
        if when == "before" and not done:
            done.append(1)
            key = ("policies", "spawn", "spawn")
            other.store.put(key, kube.store.objects[key] | {"spec": {"retention": {"keep": 2}, "hold": hold}})

    kube.around = interfere
    run("policy", "set", "-n", "spawn", "spawn", "retention.failedAge=2h")
    spec = read_policy(kube, "spawn", "spawn").spec
    assert spec.hold is not None
    assert spec.retention == {"keep": 2, "failedAge": "2h"}


def test_a_policy_that_others_write_all_the_time_is_for_later(kube: Emulated) -> None:
    """Exit 75; nothing is overwritten."""
    run("policy", "set", "-n", "spawn", "spawn", "retention.keep=1")
    other = Emulated(None, store=kube.store)
    key = ("policies", "spawn", "spawn")
    kube.around = lambda when: (
        other.store.put(key, dict(kube.store.objects[key])) and None if when == "before" else None
    )
    with pytest.raises(Conflict):
        run("policy", "set", "-n", "spawn", "spawn", "retention.keep=9")
    assert read_policy(kube, "spawn", "spawn").spec.retention == {"keep": 1}


@pytest.mark.parametrize(
    "assignment", ["keep", "retention.keep=[", "retention.keep=-1", "drain.x=1", "retention.maximumDrainAge=1m"]
)
def test_a_policy_that_cannot_be_changes_nothing(kube: Emulated, assignment: str) -> None:
    """Exit 2."""
    version = kube.store.version
    with pytest.raises(BadInput):
        run("policy", "set", "-n", "spawn", "spawn", assignment)
    assert kube.store.version == version


def test_a_policy_that_does_not_fit_is_wrong_input(kube: Emulated) -> None:
    """Exit 2, as when it is set: somebody has written it by another way, and has to correct it."""
    meta = {"name": "spawn", "namespace": "spawn"}
    head = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": meta}
    kube.create(head | {"spec": {"retention": {"keep": "many"}}})
    with pytest.raises(BadInput, match=r"does not fit release v1: retention.keep.* rainbow policy set -n spawn spawn"):
        run("policy", "show", "-n", "spawn", "spawn")


def test_a_yes_is_told_on_the_release(kube: Emulated, capsys: pytest.CaptureFixture[str]) -> None:
    """Who and why; as an event, since the workflow will not be there for ever."""
    node = {"templateName": "approval", "type": "Suspend", "phase": "Running"}
    kube.create(workflow_object("release", "spawn", "spawn", "v1", {}) | {"status": {"nodes": {"a": node}}})
    run("approve", "-n", "spawn", "spawn", "v1", "--by", "ann", "--reason", "seen it")
    assert "release v1 of spawn is approved by ann: seen it" in capsys.readouterr().out
    events = [obj for (plural, _, _), obj in kube.store.objects.items() if plural == "events"]
    assert ("Approved", "approved by ann: seen it") in [(event["reason"], event["message"]) for event in events]


BOOK = {"image": "book", "state": ["state"], "needs": {"minimum": 2, "maximum": 3}}


def test_a_plan_says_what_each_stage_would_do_to_the_schema(kube: Emulated, capsys: pytest.CaptureFixture[str]) -> None:
    """By the records, and what is in the way of each; before the first of them nothing is known (F4, F5)."""
    point_route(kube, "web-v1")
    config = app(migrations=BOOK | {"contract": {"to": 3, "command": ["x"]}})
    kube.create(new_record(ReleaseSpec(release="v2", app=config, manifests="")))
    for name in ("v1", "v2"):
        meta = {"name": f"web-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
    note(kube, read_release(kube, "spawn", "spawn", "v2"), phase=Phase.READY)
    run("plan", "-n", "spawn", "spawn")
    assert "Nothing is known of the schema of spawn yet" in capsys.readouterr().out
    schema = SchemaNote(version=2, at=NOW)
    note(kube, read_release(kube, "spawn", "spawn", "v2"), schema_state=schema)
    run("plan", "-n", "spawn", "spawn")
    out = capsys.readouterr().out
    assert "The schema of spawn has version 2, not all old rows are moved, by the records" in out
    (line,) = [line for line in out.splitlines() if line.startswith("  v2: contract would wait: ")]
    assert "release v2 is not current, v1 is" in line
    assert "v1 (it is current; says nothing of what it needs)" in line


def test_a_plan_names_the_hold_of_the_app(kube: Emulated, capsys: pytest.CaptureFixture[str]) -> None:
    """And of a release; whoever wonders why nothing moves looks there first (B3, B5)."""
    note(kube, read_release(kube, "spawn", "spawn", "v1"), hold=Mark(reason="memory", by="bob", at=NOW))
    note_hold(kube, read_policy(kube, "spawn", "spawn"), Mark(reason="a look", by="ann", at=NOW), NOW)
    run("plan", "-n", "spawn", "spawn")
    out = capsys.readouterr().out
    assert "Nothing of spawn is switched: it is held by ann since 2026-05-04T12:00:00.000Z: a look" in out
    (row,) = [line for line in out.splitlines() if line.startswith("v1 ")]
    assert "keep" in row
    assert "held by bob" in row
    assert "memory" in row


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hold", "spawn", "v1"], "release v1 of app spawn would be: set"),
        (["hold", "spawn", "v1", "--reason", "memory"], ": memory"),
        (["resume", "spawn"], "app spawn would be: nothing"),
        (["collect-garbage", "spawn"], "spawn/spawn v1: keep"),
        (["rollback", "spawn", "v1"], "rollback of spawn would"),
    ],
)
def test_a_plan_of_an_operation_says_what_it_would_do(
    kube: Emulated, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    """Without anything but names, and nothing is changed (B3)."""
    for module in ("adapters.world", "cli.operate"):
        monkeypatch.setattr(f"rainbow.{module}.connect", lambda **_: kube)
    looks(monkeypatch, {})
    point_route(kube, "web-v1")
    meta = {"name": "web-v1", "namespace": "spawn", "labels": release_labels("spawn", "v1")}
    kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
    before = kube.store.version
    run("plan", "-n", "spawn", *words)
    assert said in capsys.readouterr().out
    assert kube.store.version == before


@pytest.mark.parametrize("words", [["nobody"], ["dance", "spawn"], ["switch", "spawn", "v1", "now"]])
def test_a_plan_of_what_is_not_there_is_wrong_input(kube: Emulated, words: list[str]) -> None:
    """Exit 2."""
    with pytest.raises(BadInput):
        run("plan", "-n", "spawn", *words)
