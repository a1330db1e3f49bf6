"""What `rainbow install` applies: golden YAML, and a structure in which every reference leads somewhere."""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rainbow.adapters.gate import CHOICE, GATE, NO, YES
from rainbow.decisions.workflow_view import RELEASE_STEPS
from steps import STEPS, load
from workflows.installation import installation
from workflows.settings import Settings

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = Settings(
    step_image="registry.example:5000/rainbow/step:1",
    builder_image="registry.example:5000/rainbow/builder:1",
    registry="registry.example:5000",
    insecure_registry=True,
    build_args={"BASE": "registry.example:5000/base:1"},
)
Object = dict[str, Any]


@cache
def usual() -> list[Object]:
    """All objects with the usual settings; nobody may change them."""
    return installation("shops", SETTINGS)


def objects(kind: str, settings: Settings = SETTINGS) -> list[Object]:
    """All objects of a kind."""
    return [
        obj for obj in (usual() if settings is SETTINGS else installation("shops", settings)) if obj["kind"] == kind
    ]


def main_workflow(settings: Settings = SETTINGS) -> Object:
    """The WorkflowTemplate `release`."""
    return next(w for w in objects("WorkflowTemplate", settings) if w["metadata"]["name"] == "release")


def templates(settings: Settings = SETTINGS) -> dict[str, Object]:
    """The templates of the WorkflowTemplate `release` by name, and those of steps that it has not from their own."""
    found: dict[str, Object] = {}
    for workflow in (main_workflow(settings), *objects("WorkflowTemplate", settings)):
        for template in workflow["spec"]["templates"]:
            found.setdefault(template["name"], template)
    return found


@pytest.mark.parametrize("name", ["workflow-template", "access"])
def test_rendered_yaml_is_as_it_was(name: str) -> None:
    """Every line that changes has to have a reason (RBAC above all): UPDATE_GOLDEN=1 writes the files anew."""
    kinds = {"workflow-template": {"WorkflowTemplate"}, "access": {"ServiceAccount", "Role", "RoleBinding"}}[name]
    chosen = [obj for obj in installation("shops", SETTINGS) if obj["kind"] in kinds]
    text = yaml.safe_dump_all(chosen, sort_keys=False, width=120)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_every_task_runs_a_template_that_exists_with_the_inputs_that_it_has() -> None:
    """A wrong name is found by Argo only when the workflow runs."""
    known = templates()
    for template in known.values():
        for task in template.get("dag", {}).get("tasks", []):
            wanted = known[task["template"]].get("inputs", {}).get("parameters", [])
            given = {p["name"] for p in task.get("arguments", {}).get("parameters", [])}
            assert {p["name"] for p in wanted if "value" not in p} <= given <= {p["name"] for p in wanted}, task["name"]


def test_every_parameter_that_is_used_is_declared() -> None:
    """A reference to an unknown parameter stays in the text as it is, braces and all."""
    workflow = main_workflow()
    declared = {p["name"] for p in workflow["spec"]["arguments"]["parameters"]}
    assert set(re.findall(r"workflow\.parameters\.([\w-]+)", yaml.safe_dump(workflow))) <= declared
    for template in templates().values():
        inputs = {p["name"] for p in template.get("inputs", {}).get("parameters", [])}
        used = set(re.findall(r"\{\{inputs\.parameters\.([\w-]+)", yaml.safe_dump(template)))
        assert used <= inputs, template["name"]


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_called_with_flags_that_it_has(step: str) -> None:
    """File, command, template and flags bear one name."""
    container = templates()[step]["container"]
    assert container["command"] == ["rainbow"]
    assert container["args"][:2] == ["step", step]
    flags = {arg.removeprefix("--").replace("-", "_") for arg in container["args"] if arg.startswith("--")}
    assert flags <= set(load(step).Params.model_fields)
    required = {name for name, field in load(step).Params.model_fields.items() if field.is_required()}
    assert required <= flags


@pytest.mark.parametrize("step", STEPS)
def test_every_output_has_a_default(step: str) -> None:
    """Without one, the output of a skipped step hangs or fails whoever reads it."""
    for output in templates()[step].get("outputs", {}).get("parameters", []):
        assert "default" in output["valueFrom"], output["name"]


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_retried_within_a_limit(step: str) -> None:
    """Backoff is ignored without a limit; and only what may get better is tried again, so neither 1, 2 nor 64."""
    strategy = templates()[step]["retryStrategy"]
    assert int(strategy["limit"]) > 0
    codes = strategy["expression"].partition("asInt(lastRetry.exitCode) in ")[2]
    assert set(json.loads(codes)) == {-1, 75, 137, 143}


@pytest.mark.parametrize("step", sorted(set(STEPS) - {"build"}))
def test_step_pods_are_restricted(step: str) -> None:
    """Non-root, read-only, without capabilities: the `restricted` Pod Security Standard."""
    template = templates()[step]
    security = template["container"]["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert template["securityContext"]["runAsNonRoot"] is True
    assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_every_step_has_a_service_account_of_its_own_with_its_own_rights() -> None:
    """Least rights: no wildcard, nothing of the cluster, no Secret at all."""
    roles = {role["metadata"]["name"]: role for role in objects("Role")}
    accounts = {account["metadata"]["name"] for account in objects("ServiceAccount")}
    for step in STEPS:
        name = templates()[step]["serviceAccountName"]
        assert name == f"rainbow-{step}"
        assert name in accounts
        for rule in roles[name]["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "secrets" not in rule["resources"], step
    assert {"ClusterRole", "ClusterRoleBinding"}.isdisjoint(o["kind"] for o in installation("shops", SETTINGS))


def test_only_delete_may_delete_workloads_and_only_switch_may_move_the_route() -> None:
    """Rules 1 and 3 do not depend on the good behaviour of other steps."""

    def may(verb: str, resource: str) -> set[str]:
        return {
            role["metadata"]["name"].removeprefix("rainbow-")
            for role in objects("Role")
            for rule in role["rules"]
            if verb in rule["verbs"] and resource in rule["resources"]
        }

    assert may("delete", "deployments") == {"delete", "collect-garbage", "make-room"}
    # A rollback is a switch, and a bake that breaks rolls back.
    assert may("patch", "ingresses") == {"switch", "rollback", "bake"}


def test_releases_take_turns_from_deploy_to_switch_and_never_for_the_drain() -> None:
    """The mutex covers `promote` alone (S3), and for one that was approved its switch; never the wait for that."""
    fenced = {name: template for name, template in templates().items() if "synchronization" in template}
    assert list(fenced) == ["promote", "promote-approved"]
    mutexes = [template["synchronization"]["mutexes"] for template in fenced.values()]
    assert mutexes == [[{"name": "rainbow-{{inputs.parameters.app}}"}]] * 2
    tasks = [[task["name"] for task in template["dag"]["tasks"]] for template in fenced.values()]
    tested = ["run-tests", "check-compatibility"]
    promote = ["make-room", "expand", "roll", "deploy", *tested, "switch", "undo"]
    assert tasks == [promote, ["check-compatibility", "switch"]]


def test_what_was_rolled_is_undone_when_anything_fails_after_that() -> None:
    """Users have it already then, also when the roll itself was cut off. One that goes well costs no pod."""
    tasks = {task["name"]: task for task in templates()["promote"]["dag"]["tasks"]}
    after = ("roll", "deploy", "run-tests", "check-compatibility", "switch")
    assert tasks["undo"]["depends"] == " || ".join(f"{step}.{how}" for step in after for how in ("Failed", "Errored"))
    assert tasks["undo"]["when"] == tasks["roll"]["when"] == "'{{workflow.parameters.roll}}' == 'true'"


def test_the_gate_says_no_to_a_plain_resume_and_after_a_while() -> None:
    """What was not approved in so many words is not approved (B5); nobody waits for ever."""
    gate = templates()["approval"]
    assert gate["suspend"] == {"duration": str(7 * 24 * 3600)}
    (output,) = gate["outputs"]["parameters"]
    assert output == {"name": CHOICE, "valueFrom": {"supplied": {}, "default": NO}}
    assert gate["inputs"]["parameters"][0]["enum"] == [NO, YES]
    (answer,) = templates()["ask"]["outputs"]["parameters"]
    assert answer["valueFrom"] == {"parameter": "{{tasks.approval.outputs.parameters.approved}}", "default": NO}
    assert [task["template"] for task in templates()["ask"]["dag"]["tasks"]] == [GATE]


def test_a_release_switches_at_once_or_after_its_approval() -> None:
    """One of the two tasks `switch` runs, never both and never neither."""
    tasks = {task["name"]: task for task in templates()["main"]["dag"]["tasks"]}
    (at_once,) = [task for task in templates()["promote"]["dag"]["tasks"] if task["name"] == "switch"]
    assert at_once["when"] == "'{{workflow.parameters.approval}}' != 'true'"
    assert tasks["approval"]["when"] == tasks["promote-approved"]["when"] == at_once["when"].replace("!=", "==")
    (arguments,) = [p["value"] for p in tasks["promote-approved"]["arguments"]["parameters"] if p["name"] == CHOICE]
    assert arguments == "{{tasks.approval.outputs.parameters.approved}}"
    assert tasks["bake"]["depends"] == "promote-approved"


def test_people_are_shown_the_steps_that_there_are() -> None:
    """In their order; the templates are the other side of what following shows."""
    known = [task["name"] for name in ("main", "promote") for task in templates()[name]["dag"]["tasks"]]
    assert set(RELEASE_STEPS) <= {*known}


def test_a_failed_workflow_stays_long_enough_to_be_retried() -> None:
    """Retry needs the Workflow; and the pods of what failed, for their logs (A3)."""
    workflow = main_workflow()
    assert workflow["spec"]["ttlStrategy"]["secondsAfterFailure"] >= 7 * 24 * 3600
    assert workflow["spec"]["podGC"]["strategy"] == "OnPodSuccess"


def test_an_extra_ca_bundle_reaches_every_step(tmp_path: Path) -> None:
    """Behind a company's proxy, builds and steps need its certificate."""
    bundle = tmp_path / "ca.crt"
    bundle.write_text("-----BEGIN CERTIFICATE-----")
    settings = SETTINGS.model_copy(update={"ca_bundle": bundle})
    (config,) = objects("ConfigMap", settings)
    assert config["data"] == {"ca.crt": "-----BEGIN CERTIFICATE-----"}
    found = templates(settings)
    for step in STEPS:
        template = found[step]
        assert {"name": "ca", "configMap": {"name": config["metadata"]["name"]}} in template["volumes"]
        env = {e["name"]: e["value"] for e in template["container"]["env"]}
        assert env["REQUESTS_CA_BUNDLE"] == "/etc/rainbow/ca/ca.crt"
    assert "--ca-bundle" in found["build"]["container"]["args"]
