"""Where the stages of a schema change are in the workflow of a release (F4)."""

from __future__ import annotations

import pytest
from hera.workflows.models import Template

from workflows.release import release_template
from workflows.settings import Settings

SETTINGS = Settings(step_image="step:1", builder_image="builder:1", registry="registry.example")


def tasks(name: str) -> dict[str, dict[str, object]]:
    """The tasks of one of its DAGs."""
    workflow = release_template("shops", SETTINGS).to_dict()
    (found,) = [Template.model_validate(t) for t in workflow["spec"]["templates"] if t["name"] == name]
    assert found.dag is not None
    return {str(task.name): task.model_dump(exclude_none=True) for task in found.dag.tasks}


def after(name: str, task: str) -> set[str]:
    """All that a task waits for."""
    known, found, todo = tasks(name), set[str](), [task]
    while todo:
        for other in str(known[todo.pop()].get("depends", "")).replace("&&", " ").split():
            if other in known and other not in found:
                found.add(other)
                todo.append(other)
    return found


def test_expand_is_a_part_of_the_turn_of_a_release_and_comes_before_its_objects() -> None:
    """A failed one leaves nothing to be cleaned up, and no two releases expand at once."""
    assert "expand" in after("promote", "deploy")
    assert "make-room" in after("promote", "expand")


def test_backfill_comes_after_the_bake_and_contract_last_of_all() -> None:
    """What bakes may be switched back from; and contract needs that the releases before are deleted."""
    assert {"promote", "bake"} <= after("main", "backfill")
    assert {"backfill", "wait-for-drain", "delete"} <= after("main", "contract")
    assert not [name for name in tasks("main") if "contract" in after("main", name)]


def test_a_contract_that_has_to_wait_does_not_fail_the_release() -> None:
    """It is noted, and done later by `rainbow contract`, which does fail."""
    arguments = tasks("main")["contract"]["arguments"]
    assert isinstance(arguments, dict)
    assert {"name": "later", "value": "true"} in arguments["parameters"]


@pytest.mark.parametrize(("name", "stage"), [("promote", "expand"), ("main", "backfill"), ("main", "contract")])
def test_what_an_app_does_not_use_costs_no_pod(name: str, stage: str) -> None:
    """Each has a parameter, which the command line sets."""
    assert tasks(name)[stage]["when"] == f"'{{{{workflow.parameters.{stage}}}}}' == 'true'"
