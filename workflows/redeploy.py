"""The WorkflowTemplate `redeploy`: a deleted release is taken up again, and then released like a new one (S11)."""

from __future__ import annotations

from typing import cast

from hera.workflows import DAG, Parameter, Task, WorkflowTemplate
from hera.workflows.models import PodGC, TemplateRef, TTLStrategy

from rainbow.adapters.workflows import DESCRIPTION, TITLE
from steps import STEPS, load
from steps.shape import inputs
from workflows.release import DAY, ENTRYPOINT
from workflows.release import NAME as RELEASE
from workflows.settings import Settings
from workflows.step_template import described, parameter, service_account, step_template

NAME = "redeploy"


def redeploy_template(namespace: str, settings: Settings, release: WorkflowTemplate) -> WorkflowTemplate:
    """After the step `redeploy` it is the very DAG of `release`, by reference, which reads the same parameters."""
    module = load(NAME)
    taken = [parameter(name) for name in inputs(module)]
    more = [described(module, name, default) for name, default in inputs(module).items() if default is not None]
    with WorkflowTemplate(
        name=NAME,
        namespace=namespace,
        entrypoint=ENTRYPOINT,
        annotations={
            TITLE: "Redeploy a release",
            DESCRIPTION: STEPS[NAME],
        },
        arguments=[*cast("list[Parameter]", release.arguments), *more],
        service_account_name=service_account("switch"),
        pod_gc=PodGC(strategy="OnPodSuccess", delete_delay_duration="2m"),
        ttl_strategy=TTLStrategy(seconds_after_success=DAY, seconds_after_failure=7 * DAY),
    ) as workflow:
        template = step_template(NAME, settings)
        with DAG(name=ENTRYPOINT):
            given = {name: f"{{{{workflow.parameters.{name}}}}}" for name in taken}
            again = Task(name=NAME, template=template, arguments=given)
            # The DAG of `release` has no inputs of its own, and reads the parameters of the workflow.
            again.next(Task(name=RELEASE, template_ref=TemplateRef(name=RELEASE, template=ENTRYPOINT)))
    return workflow
