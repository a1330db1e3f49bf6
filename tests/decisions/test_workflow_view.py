"""What a person is told about a workflow, from statuses in the shape that Argo writes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rainbow.decisions.workflow_view import Outcome, StepState, view_workflow

STEPS = ["build", "deploy", "run-tests", "switch", "wait-for-drain", "delete"]
START, END = "2026-01-01T10:00:00Z", "2026-01-01T10:00:30Z"


def workflow(phase: str, *nodes: dict[str, Any], message: str = "") -> dict[str, Any]:
    """A Workflow with these nodes."""
    status = {"phase": phase, "message": message, "nodes": {node["id"]: node for node in nodes}}
    return {"metadata": {"name": "release-shop-v1"}, "status": status}


def retry(step: str, phase: str, **more: Any) -> dict[str, Any]:
    """The node above the tries of a step."""
    return {"id": f"release-shop-v1-{hash(step)}", "displayName": step, "type": "Retry", "phase": phase} | more


def pod(step: str, attempt: int, phase: str, **more: Any) -> dict[str, Any]:
    """One try."""
    node = {"id": f"release-shop-v1-10{attempt}", "displayName": f"{step}({attempt})", "type": "Pod"}
    return node | {"templateName": step, "phase": phase, "startedAt": f"2026-01-01T10:00:0{attempt}Z"} | more


def test_a_workflow_that_argo_has_not_seen_yet_waits() -> None:
    """No status at all is a workflow that is about to begin, not one that failed."""
    view = view_workflow({"metadata": {"name": "w"}}, STEPS)
    assert view.outcome is Outcome.RUNNING
    assert {step.state for step in view.steps} == {StepState.WAITING}


def test_a_step_that_was_tried_twice_shows_its_last_pod() -> None:
    """The log that a person wants is the one of the try that runs now."""
    view = view_workflow(
        workflow(
            "Running",
            retry("deploy", "Running", startedAt=START),
            pod("deploy", 0, "Failed", message="exit 75"),
            pod("deploy", 1, "Running"),
        ),
        STEPS,
    )
    deploy = view.steps[1]
    assert (deploy.state, deploy.tries) == (StepState.RUNNING, 2)
    assert deploy.pod == "release-shop-v1-deploy-101"
    assert deploy.seconds(datetime(2026, 1, 1, 10, 1, tzinfo=UTC)) == 60


def test_a_step_that_failed_says_why_in_its_own_words() -> None:
    """Argo's node above the tries only says that there will be no other one."""
    none = "retryStrategy.expression evaluated to false"
    ended = "main: Error (exit code 1): release v1 was rolled back from"
    failed = workflow("Failed", retry("switch", "Failed", message=none), pod("switch", 0, "Failed", message=ended))
    assert view_workflow(failed, STEPS).steps[3].message == "release v1 was rolled back from"
    killed = workflow("Failed", retry("switch", "Failed", message=none), pod("switch", 0, "Failed"))
    assert view_workflow(killed, STEPS).steps[3].message == none
    ended = "main: Error (exit code 75): the lock is held"
    again = workflow("Running", retry("switch", "Running"), pod("switch", 0, "Failed", message=ended, finishedAt=END))
    assert view_workflow(again, STEPS).steps[3].message == "failed for now (the lock is held), will be tried again"


def test_a_step_whose_pod_is_not_running_yet_waits() -> None:
    """Argo calls the Retry node running as soon as a pod is asked for."""
    view = view_workflow(
        workflow("Running", retry("deploy", "Running"), pod("deploy", 0, "Pending", message="ContainerCreating")),
        STEPS,
    )
    assert view.steps[1].state is StepState.WAITING
    assert view.steps[1].message == "ContainerCreating"


def test_a_skipped_build_is_skipped() -> None:
    """With images given, `when` is false and there is only a Skipped node."""
    node = {"id": "a-1", "displayName": "build", "type": "Skipped", "phase": "Skipped", "message": "when 'false'"}
    assert view_workflow(workflow("Running", node), STEPS).steps[0].state is StepState.SKIPPED


def test_a_gate_waits_for_a_person_and_the_switch_that_was_left_out_is_not_the_one() -> None:
    """A release that asks for approval has a `switch` before the gate, which is skipped, and another after it."""
    group = {"id": "g", "displayName": "approval", "type": "DAG", "phase": "Running"}
    gate = {"id": "a", "displayName": "approval", "type": "Suspend", "phase": "Running", "templateName": "approval"}
    skipped = {"id": "s", "displayName": "switch", "type": "Skipped", "phase": "Skipped"}
    steps = ["approval", "switch"]
    waiting, _ = view_workflow(workflow("Running", group, skipped, gate), steps).steps
    assert (waiting.state, waiting.gate, waiting.message) == (StepState.WAITING, True, "waiting for a person")
    passed = gate | {"phase": "Succeeded", "outputs": {"parameters": [{"name": "approved", "value": "yes"}]}}
    answered = view_workflow(workflow("Running", group, skipped, passed, retry("switch", "Running")), steps)
    approval, switch = answered.steps
    assert (approval.state, approval.gate, dict(approval.outputs)) == (StepState.DONE, False, {"approved": "yes"})
    assert switch.state is StepState.RUNNING


def test_after_the_switch_the_release_is_live_while_older_ones_drain() -> None:
    """That is where following ends by default."""
    view = view_workflow(
        workflow(
            "Running",
            retry("switch", "Succeeded", startedAt=START, finishedAt=END),
            pod("switch", 0, "Succeeded", outputs={"parameters": [{"name": "previous", "value": "v0"}]}),
            retry("wait-for-drain", "Running"),
        ),
        STEPS,
    )
    assert view.outcome is Outcome.LIVE
    assert view.steps[3].outputs == {"previous": "v0"}


def test_a_switch_that_succeeded_does_not_hide_a_workflow_that_failed_later() -> None:
    """A failed wait-for-drain is a failed workflow, though users are served."""
    view = view_workflow(workflow("Failed", retry("switch", "Succeeded"), message="boom"), STEPS)
    assert (view.outcome, view.message) == (Outcome.FAILED, "boom")


def test_the_end_is_the_end() -> None:
    """Succeeded as a whole: everything older is gone."""
    assert view_workflow(workflow("Succeeded"), STEPS).outcome is Outcome.FINISHED


@pytest.mark.parametrize(
    ("backoff", "at"),
    [("Backoff for 5s", " at 10:00:35"), ("Backoff for 1m 20 seconds", " at 10:01:50"), ("", "")],
)
def test_between_two_tries_it_is_said_when_the_next_one_is(backoff: str, at: str) -> None:
    """An exit status alone looks like the end of it."""
    node = retry("deploy", "Running", startedAt=START, message=backoff)
    view = view_workflow(
        workflow("Running", node, pod("deploy", 0, "Failed", message="exit 75", finishedAt=END)), STEPS
    )
    deploy = view.steps[1]
    assert (deploy.state, deploy.again) == (StepState.RUNNING, True)
    assert deploy.message == f"failed for now (exit 75), will be tried again{at}"


def test_a_release_that_waits_for_its_turn_says_so() -> None:
    """The lock is held by a group of steps, of which no one has a node yet; the first of them waits."""
    waiting = "Waiting for shops/Mutex/rainbow-shop lock. Lock status: 0/1"
    promote = {"id": "p", "displayName": "promote", "type": "DAG", "phase": "Pending", "message": waiting}
    skipped = {"id": "b", "displayName": "build", "type": "Skipped", "phase": "Skipped"}
    view = view_workflow(workflow("Running", skipped, promote), STEPS)
    assert [step.message for step in view.steps] == ["", waiting, "", "", "", ""]
    assert view.steps[1].state is StepState.WAITING


@pytest.mark.parametrize(
    ("node", "begun"),
    [
        (retry("switch", "Failed", startedAt=START), True),
        (pod("switch", 0, "Failed") | {"displayName": "switch"}, True),
        ({"id": "s", "displayName": "switch", "type": "Skipped", "phase": "Omitted", "startedAt": START}, False),
        ({"id": "x", "displayName": "deploy", "type": "Retry", "phase": "Failed", "startedAt": START}, False),
    ],
)
def test_only_a_switch_that_never_began_has_moved_nobody(node: dict[str, Any], begun: bool) -> None:
    """Argo gives a step that is left out a node and a time as well."""
    assert view_workflow(workflow("Failed", node), STEPS).steps[3].begun is begun
