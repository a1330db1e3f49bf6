"""The verbs of an operator: here and now, or as a workflow that is followed; with the exit code of the step."""

from __future__ import annotations

from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters.kube import Forbidden, Object
from rainbow.adapters.records import note, read_release
from rainbow.cli import operate as operate_module
from rainbow.cli.operate import operate
from rainbow.errors import BadInput
from rainbow.model.release import Phase, ReleaseSpec, new_record
from tests.decisions.make import app

HOW: dict[str, Any] = {"namespace": "spawn", "app": "spawn", "context": None, "now": False, "dry_run": False}


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """A cluster with the templates and a drained release."""
    made = Emulated(None, store=Store())
    monkeypatch.setattr("rainbow.cli.operate.connect", lambda **_: made)
    monkeypatch.setattr("rainbow.adapters.world.connect", lambda **_: made)
    monkeypatch.setattr("rainbow.cli.watching.INTERVAL", 0)
    monkeypatch.setattr("rainbow.cli.operate.installed", lambda *_: None)
    made.create(new_record(ReleaseSpec(release="v1", app=app(), manifests="")))
    note(made, read_release(made, "spawn", "spawn", "v1"), phase=Phase.DRAINED)
    return made


def workflows(kube: Emulated) -> list[Object]:
    """All that were submitted."""
    return [obj for (plural, _, _), obj in kube.store.objects.items() if plural == "workflows"]


def ends(kube: Emulated, phase: str, exit_code: str | None) -> None:
    """From now on Argo ends a workflow as soon as it is submitted."""

    def end(when: str) -> None:
        for workflow in workflows(kube):
            pod = {"id": "x-1", "displayName": "hold(0)", "type": "Pod", "templateName": "hold", "phase": phase}
            retry = {
                "id": "x",
                "displayName": "hold",
                "type": "Retry",
                "phase": phase,
                "message": "No more retries left",
            }
            nodes = {"x": retry, "x-1": pod | {"outputs": {"exitCode": exit_code}}}
            workflow["status"] = {"phase": phase, "nodes": nodes if exit_code else {}}

    kube.around = end


def test_here_and_now_no_workflow_is_needed(kube: Emulated, capsys: pytest.CaptureFixture[str]) -> None:
    """The very same step, in this process."""
    assert operate("hold", {"release": "v1", "reason": "a look", "by": "ann"}, **HOW | {"now": True}) == 0
    assert "held by ann: a look" in capsys.readouterr().out
    assert not workflows(kube)
    assert read_release(kube, "spawn", "spawn", "v1").status.hold is not None


def test_a_dry_run_is_here_and_changes_nothing(kube: Emulated, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs no pod."""
    version = kube.store.version
    assert operate("hold", {"release": "v1", "reason": "a look", "by": "ann"}, **HOW | {"dry_run": True}) == 0
    assert "would be: set" in capsys.readouterr().out
    assert kube.store.version == version


def test_else_the_workflow_of_that_name_is_submitted(kube: Emulated) -> None:
    """With what was given as its parameters, who among them; and labels that find it."""
    assert operate("hold", {"release": "v1", "reason": "a look", "by": None}, **HOW, follow=False) == 0
    (workflow,) = workflows(kube)
    assert workflow["metadata"]["name"].startswith("hold-spawn-")
    assert workflow["metadata"]["labels"]["rainbow.dev/release"] == "v1"
    assert workflow["spec"]["workflowTemplateRef"] == {"name": "hold"}
    parameters = {p["name"]: p["value"] for p in workflow["spec"]["arguments"]["parameters"]}
    assert parameters == {"app": "spawn", "release": "v1", "reason": "a look", "by": "unknown"}


def test_two_operations_do_not_get_in_each_others_way(kube: Emulated) -> None:
    """Each workflow has a name of its own, short enough for the label of its pods."""
    name = "a" * 30
    kube.create(new_record(ReleaseSpec(release="v1", app=app(app=name), manifests="")))
    for _ in range(2):
        operate("switch", {"release": "v1", "allow_older": True}, **HOW | {"app": name}, follow=False)
    names = {workflow["metadata"]["name"] for workflow in workflows(kube)}
    assert len(names) == 2
    assert max(map(len, names)) <= 63


@pytest.mark.parametrize(
    ("phase", "exit_code", "code"),
    [
        ("Succeeded", "0", 0),
        ("Failed", "1", 1),
        ("Failed", "2", 2),
        ("Failed", "75", 75),
        ("Failed", "137", 1),
        ("Error", None, 1),
    ],
)
def test_the_exit_code_is_that_of_the_step(kube: Emulated, phase: str, exit_code: str | None, code: int) -> None:
    """As if it had run here; whatever else ended it is a failure."""
    ends(kube, phase, exit_code)
    assert operate("hold", {"release": "v1", "reason": "a look"}, **HOW) == code


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"release": "No_Label", "reason": "x"}, "--release"),
        ({"release": "v1", "reason": "x" * 2000}, "--reason"),
        ({"release": "v1", "colour": "red"}, "--colour"),
    ],
)
def test_bad_values_are_found_before_anything_is_submitted(kube: Emulated, values: dict[str, Any], wrong: str) -> None:
    """Exit 2, nothing changed."""
    with pytest.raises(BadInput, match=wrong):
        operate("hold", values, **HOW)
    assert not workflows(kube)


@pytest.mark.parametrize(
    ("how", "release", "said"),
    [
        ({"app": "spwan"}, "v1", "no release of an app spwan .* there are: spawn"),
        ({}, "v7", "no release v7 .* are: v1"),
    ],
)
def test_a_slip_is_found_before_anything_is_submitted(
    kube: Emulated, how: dict[str, Any], release: str, said: str
) -> None:
    """The step would find it, too; but a pod takes a while."""
    with pytest.raises(BadInput, match=said):
        operate("hold", {"release": release, "reason": "x"}, **HOW | how)
    assert not workflows(kube)


def test_who_may_not_read_records_may_still_submit(kube: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a CI system that has no other right; the step says what is wrong."""

    def forbid(*_: Any) -> Any:
        raise Forbidden("no right")

    monkeypatch.setattr("rainbow.cli.names.known_releases", forbid)
    assert operate("hold", {"release": "v7", "reason": "x"}, **HOW, follow=False) == 0
    assert workflows(kube)


def test_what_only_this_machine_knows_is_for_now_only(kube: Emulated) -> None:
    """A pod would not find the proxy at this address."""
    with pytest.raises(BadInput, match=r"--proxy-url: .* for --now only"):
        operate("switch", {"release": "v1", "proxy_url": "http://127.0.0.1:1"}, **HOW)


def test_the_lines_of_the_step_are_printed_once(
    kube: Emulated, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is looked at."""
    monkeypatch.setattr(operate_module, "tail", lambda *_: "one\ntwo")
    ends(kube, "Succeeded", "0")
    operate("hold", {"release": "v1", "reason": "a look"}, **HOW)
    assert capsys.readouterr().out == "one\ntwo\n"
