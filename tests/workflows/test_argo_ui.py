"""What people see in the Argo UI: titles, descriptions, words at every parameter, what each step ended with, links."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.adapters.workflows import DESCRIPTION, TITLE, workflow_object
from rainbow.adapters.world import LAST_WORDS, MESSAGE
from rainbow.model.names import ARGO_UI
from steps import STEPS
from workflows.installation import of_the_namespace
from workflows.settings import Settings
from workflows.step_template import OUTPUTS

SETTINGS = Settings(step_image="step:1", builder_image="builder:1", registry="registry.example:5000")
OBJECTS = of_the_namespace("shops", SETTINGS)
OF_ARGO = [obj for obj in OBJECTS if obj["kind"] in ("WorkflowTemplate", "CronWorkflow")]
TEMPLATES = [(obj["metadata"]["name"], t) for obj in OF_ARGO for t in obj["spec"].get("templates", [])]
Object = dict[str, Any]


def name(obj: Object) -> str:
    """For the test's id."""
    return f"{obj['kind']} {obj['metadata']['name']}"


def of(template: Object, side: str) -> list[Object]:
    """Its parameters."""
    found: list[Object] = (template.get(side) or {}).get("parameters") or []
    return found


@pytest.mark.parametrize("obj", OF_ARGO, ids=name)
def test_every_template_and_schedule_has_a_title_and_a_description(obj: Object) -> None:
    """The list shows them in place of its name."""
    told = obj["metadata"]["annotations"]
    assert told[TITLE][0].isupper()
    assert told[DESCRIPTION].endswith(".")


@pytest.mark.parametrize("obj", OF_ARGO, ids=name)
def test_every_parameter_that_a_person_is_asked_for_says_what_it_is(obj: Object) -> None:
    """The form in which a template is submitted shows the description; that of a schedule is given already."""
    if obj["kind"] == "WorkflowTemplate":
        for parameter in of(obj["spec"], "arguments"):
            assert parameter.get("description"), parameter["name"]


@pytest.mark.parametrize(("workflow", "template"), TEMPLATES, ids=lambda value: str(value)[:40])
def test_every_input_of_every_template_says_what_it_is(workflow: str, template: Object) -> None:
    """For who uses it by templateRef, and for who looks at a node's inputs."""
    for parameter in of(template, "inputs"):
        assert parameter.get("description"), f"{workflow}: {template['name']}: {parameter['name']}"


def test_every_step_leaves_what_it_ended_with() -> None:
    """As an output of its node, and, when it fails, as the node's message."""
    steps = [template for _, template in TEMPLATES if template["name"] in STEPS]
    assert {template["name"] for template in steps} == set(STEPS)
    for template in steps:
        outputs = {output["name"]: output["valueFrom"] for output in of(template, "outputs")}
        assert outputs[MESSAGE] == {"path": f"{OUTPUTS}/{MESSAGE}", "default": ""}
        env = {each["name"]: each.get("value") for each in template["container"]["env"]}
        # Kubernetes' own default, so that nothing else has to be set for it.
        assert env[LAST_WORDS] == template["container"].get("terminationMessagePath", "/dev/termination-log")


def test_a_submitted_workflow_says_what_it_is_about() -> None:
    """Which release of which app, and the command that shows its record."""
    told = workflow_object("release", "shops", "shop", "v7", {})["metadata"]["annotations"]
    assert told[TITLE] == "Release: shop v7"
    assert "`kubectl describe releases.rainbow.dev -n shops shop-v7`" in told[DESCRIPTION]
    assert workflow_object("hold", "shops", "shop", "", {})["metadata"]["annotations"] == {TITLE: "Hold: shop"}
    alone = workflow_object("collect-garbage", "shops", "", "", {})["metadata"]["annotations"]
    assert alone == {TITLE: "Collect garbage"}


def test_runs_of_the_schedule_bear_its_title() -> None:
    """The list of workflows has a line for each of them."""
    (schedule,) = [obj for obj in OF_ARGO if obj["kind"] == "CronWorkflow"]
    made = schedule["spec"]["workflowSpec"]["workflowMetadata"]["annotations"]
    assert made == {key: schedule["metadata"]["annotations"][key] for key in (TITLE, DESCRIPTION)}


def test_templates_know_where_their_workflows_are_seen() -> None:
    """By the setting `argo_ui`; without it they say nothing about it."""
    settings = SETTINGS.model_copy(update={"argo_ui": "https://argo.example"})
    for obj in of_the_namespace("shops", settings):
        if obj["kind"] == "WorkflowTemplate":
            assert obj["metadata"]["annotations"][ARGO_UI] == "https://argo.example"
    assert all(ARGO_UI not in obj["metadata"]["annotations"] for obj in OF_ARGO)
