"""The WorkflowTemplate `redeploy` leads into that of a release, and gives it all that it reads."""

import re
from typing import Any

import yaml

from workflows.installation import installation
from workflows.settings import Settings

SETTINGS = Settings(
    step_image="registry.example/step:1",
    builder_image="registry.example/builder:1",
    registry="registry.example",
)


def _template(name: str) -> dict[str, Any]:
    found = [o for o in installation("shops", SETTINGS) if o["kind"] == "WorkflowTemplate"]
    return next(obj for obj in found if obj["metadata"]["name"] == name)


def test_after_its_own_step_it_is_the_workflow_of_a_release() -> None:
    """By reference: it is tested and switched to like a new one (S11), and changes with that one."""
    (main,) = [t for t in _template("redeploy")["spec"]["templates"] if t["name"] == "main"]
    first, then = main["dag"]["tasks"]
    assert (first["name"], first["template"]) == ("redeploy", "redeploy")
    assert (then["depends"], then["templateRef"]) == ("redeploy", {"name": "release", "template": "main"})
    release = _template("release")["spec"]
    assert release["entrypoint"] == "main"


def test_every_parameter_of_a_release_can_be_given() -> None:
    """What is read by reference are the parameters of the workflow that was submitted."""
    names = {p["name"] for p in _template("redeploy")["spec"]["arguments"]["parameters"]}
    for name in ("redeploy", "release"):
        used = set(re.findall(r"workflow\.parameters\.([\w-]+)", yaml.safe_dump(_template(name))))
        assert used <= names


def test_each_run_has_an_identity_and_a_date() -> None:
    """For the lock of the app, which it carries from step to step; and for what people ask for, which grows old."""
    for obj in installation("shops", SETTINGS):
        for template in obj["spec"]["templates"] if obj["kind"] == "WorkflowTemplate" else ():
            env = {e["name"]: e["value"] for e in template.get("container", {}).get("env", [])}
            if env:
                assert env["RAINBOW_RUN"] == "{{workflow.uid}}"
                assert env["RAINBOW_ASKED_AT"] == "{{workflow.creationTimestamp.RFC3339}}"
