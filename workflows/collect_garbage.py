"""The garbage collection on a schedule: a CronWorkflow that runs the WorkflowTemplate `collect-garbage` (A4).

A run is never ended by the next one: it may wait for samples, and they are in its memory only, so that a collection
that always takes longer than the schedule leaves would delete nothing for ever. One that is stuck ends by itself at its
deadline, and the next one begins. Whether it is suspended is left to people, see `as_left`.
"""

from __future__ import annotations

from typing import Any

from hera.workflows import CronWorkflow, Parameter
from hera.workflows.models import WorkflowMetadata, WorkflowTemplateRef

from rainbow.adapters.workflows import DESCRIPTION, TITLE
from workflows.settings import Settings
from workflows.step_template import service_account

NAME = "collect-garbage"
HOUR = 3600
DEADLINE = 2400  # seconds; a collection takes some seconds, and up to three times PATIENCE while it waits for samples


def collect_garbage_schedule(namespace: str, settings: Settings) -> CronWorkflow | None:
    """The CronWorkflow of the namespace; none where another namespace's collects."""
    together = settings.garbage_namespaces
    if namespace in together and namespace != together[0]:
        return None
    collected = ",".join(together) if namespace in together else namespace
    told = {TITLE: "Collect garbage", DESCRIPTION: f"Deletes what is due in {collected.replace(',', ', ')}."}
    return CronWorkflow(
        name=NAME,
        namespace=namespace,
        annotations=told,
        workflow_metadata=WorkflowMetadata(annotations=told),  # each of its runs
        schedules=[settings.garbage_schedule],
        concurrency_policy="Forbid",
        starting_deadline_seconds=HOUR,  # one that was missed, as the controller was away, is made up for
        successful_jobs_history_limit=3,
        failed_jobs_history_limit=3,
        workflow_template_ref=WorkflowTemplateRef(name=NAME),
        arguments=[Parameter(name="namespaces", value=collected)],
        active_deadline_seconds=DEADLINE,
        service_account_name=service_account(NAME),
    )


def as_left(schedule: dict[str, Any], live: dict[str, Any] | None) -> dict[str, Any]:
    """What to apply over the one that is there, so that a suspend from the Argo UI is not undone.

    Argo's definition makes the whole spec one value for server-side apply, so leaving the key out would remove it.
    """
    suspended = ((live or {}).get("spec") or {}).get("suspend")
    return schedule if suspended is None else {**schedule, "spec": {**schedule["spec"], "suspend": suspended}}
