"""What people call on its own: one WorkflowTemplate for each operation, a single step with the operation's name.

None of them waits for the mutex of a release that is under way: a rollback does not queue behind somebody's tests. The
steps themselves keep order, by the lock of the app.
"""

from __future__ import annotations

from hera.workflows import DAG, Task, WorkflowTemplate
from hera.workflows.models import PodGC, TTLStrategy

from rainbow.adapters.workflows import DESCRIPTION, TITLE
from steps import STEPS, load
from steps.shape import inputs
from workflows.release import DAY, ENTRYPOINT
from workflows.settings import Settings
from workflows.step_template import described, parameter, service_account, step_template

OPERATIONS = ("switch", "rollback", "hold", "resume", "adopt", "contract", "probe", "collect-garbage")


def operation_template(step: str, namespace: str, settings: Settings) -> WorkflowTemplate:
    """The WorkflowTemplate `<step>`; its parameters are the step's inputs."""
    module = load(step)
    taken = [parameter(name) for name in inputs(module)]
    with WorkflowTemplate(
        name=step,
        namespace=namespace,
        entrypoint=ENTRYPOINT,
        annotations={
            TITLE: step.replace("-", " ").capitalize(),
            DESCRIPTION: STEPS[step],
        },
        arguments=[described(module, name, default) for name, default in inputs(module).items()],
        service_account_name=service_account(step),
        pod_gc=PodGC(strategy="OnPodSuccess", delete_delay_duration="2m"),
        ttl_strategy=TTLStrategy(seconds_after_success=DAY, seconds_after_failure=7 * DAY),
    ) as workflow:
        template = step_template(step, settings)
        with DAG(name=ENTRYPOINT):
            given = {name: f"{{{{workflow.parameters.{name}}}}}" for name in taken}
            Task(name=step, template=template, arguments=given)
    return workflow
