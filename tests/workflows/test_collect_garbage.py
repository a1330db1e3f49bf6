"""The garbage collection on a schedule: no run is cut short or stops the others, and it has rights in its own only."""

from __future__ import annotations

from typing import Any

import pytest

from steps.readings import PATIENCE
from tests.workflows.test_installation import SETTINGS
from workflows.collect_garbage import NAME, as_left, collect_garbage_schedule
from workflows.installation import installation
from workflows.settings import Settings

TOGETHER = SETTINGS.model_copy(update={"garbage_namespaces": ["shops", "mails", "banks"]})


def schedule(namespace: str = "shops", settings: Settings = SETTINGS) -> dict[str, Any]:
    """The CronWorkflow of a namespace."""
    found = collect_garbage_schedule(namespace, settings)
    assert found is not None
    made: dict[str, Any] = found.to_dict()
    return made


def test_no_run_is_ended_by_the_next_one_and_a_stuck_one_by_itself() -> None:
    """One that waits for samples would begin its rows anew for ever; and old runs do not pile up (A4)."""
    spec = schedule()["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    # survey, seal, survey again, and once more what lost its record
    assert 3 * PATIENCE.total_seconds() < spec["workflowSpec"]["activeDeadlineSeconds"] < 3600
    assert spec["startingDeadlineSeconds"] > 0
    assert spec["successfulJobsHistoryLimit"] <= 5
    assert spec["failedJobsHistoryLimit"] <= 5


def test_its_name_leaves_room_for_the_time() -> None:
    """Argo appends the time to it: at most 52 characters."""
    assert len(schedule()["metadata"]["name"]) <= 52


def test_it_runs_the_template_that_is_installed() -> None:
    """With a parameter that it has."""
    spec = schedule()["spec"]["workflowSpec"]
    templates = [o for o in installation("shops", SETTINGS) if o["kind"] == "WorkflowTemplate"]
    (template,) = [t for t in templates if t["metadata"]["name"] == spec["workflowTemplateRef"]["name"]]
    assert [p["name"] for p in spec["arguments"]["parameters"]] == [
        p["name"] for p in template["spec"]["arguments"]["parameters"]
    ]


def test_the_schedule_is_a_setting() -> None:
    """Every ten minutes, unless told otherwise."""
    assert schedule()["spec"]["schedules"] == ["*/10 * * * *"]
    hourly = SETTINGS.model_copy(update={"garbage_schedule": "0 * * * *"})
    assert schedule(settings=hourly)["spec"]["schedules"] == ["0 * * * *"]


@pytest.mark.parametrize("suspended", [True, False])
def test_what_a_person_suspended_stays_so(suspended: bool) -> None:
    """And what nobody touched says nothing about it."""
    made = schedule()
    assert "suspend" not in made["spec"]
    assert as_left(made, None) == as_left(made, {"spec": {}}) == made
    assert as_left(made, {"spec": {"suspend": suspended}})["spec"] == made["spec"] | {"suspend": suspended}


def test_namespaces_that_are_collected_together_are_so_by_the_first_one() -> None:
    """The others have no schedule; one that is not among them has its own."""
    arguments = schedule(settings=TOGETHER)["spec"]["workflowSpec"]["arguments"]
    assert arguments["parameters"] == [{"name": "namespaces", "value": "shops,mails,banks"}]
    assert collect_garbage_schedule("mails", TOGETHER) is None
    assert schedule("alone", TOGETHER)["spec"]["workflowSpec"]["arguments"]["parameters"][0]["value"] == "alone"


def bound(namespace: str) -> dict[str, list[str]]:
    """RoleBinding → the namespaces of those who have the Role, other than its own."""
    bindings = [o for o in installation(namespace, TOGETHER) if o["kind"] == "RoleBinding"]
    others = {b["metadata"]["name"]: [s["namespace"] for s in b["subjects"]] for b in bindings}
    return {name: found for name, found in others.items() if found != [namespace]}


def test_its_account_has_a_role_in_each_of_them_and_no_other() -> None:
    """Least rights: nothing of the whole cluster, and no step but this one."""
    assert bound("mails") == {f"rainbow-{NAME}": ["mails", "shops"]}
    assert bound("shops") == bound("alone") == {}
