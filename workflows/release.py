"""The main job: build → [deploy → run-tests → switch] → bake → wait-for-drain → delete.

The brackets are a DAG of their own under one mutex per app: releases take turns from deploy to switch, and never
wait for an older one to drain (S3). The mutex is the first fence only; the steps are safe without it.
"""

from __future__ import annotations

from collections.abc import Mapping

from hera.workflows import DAG, Container, Parameter, Task, WorkflowTemplate
from hera.workflows.models import Mutex, PodGC, Synchronization, TTLStrategy

from rainbow.adapters.gate import CHOICE, GATE
from workflows.approval import NOT_WANTED, WANTED, ask_for_approval
from workflows.settings import Settings
from workflows.step_template import service_account, step_template

NAME = "release"
# Its steps, and no others: every workflow carries a copy of all templates.
PATH = ("build", "make-room", "deploy", "run-tests", "switch", "bake", "wait-for-drain", "delete")
PROMOTE = "promote"
PROMOTE_APPROVED = "promote-approved"
ENTRYPOINT = "main"
DAY = 24 * 3600

_INPUTS = {"app": "{{inputs.parameters.app}}", "release": "{{inputs.parameters.release}}"}


def release_template(namespace: str, settings: Settings) -> WorkflowTemplate:
    """The WorkflowTemplate `release` for one namespace; its steps can be used by `templateRef` too."""
    with WorkflowTemplate(
        name=NAME,
        namespace=namespace,
        entrypoint=ENTRYPOINT,
        annotations={
            "workflows.argoproj.io/title": "Release an app",
            "workflows.argoproj.io/description": (
                "Builds, deploys beside all others, tests, switches, waits until older releases are done, deletes them."
            ),
        },
        arguments=[
            Parameter(name="app", description="name of the app"),
            Parameter(name="release", description="id of the release; its Release record exists already"),
            Parameter(name="build", value="true", enum=["true", "false"], description="false when images are given"),
            Parameter(name="make-room", value="true", enum=["true", "false"], description="false unless blue/green"),
            Parameter(name="approval", value="false", enum=["true", "false"], description="true: a person decides"),
            Parameter(name="bake", value="true", enum=["true", "false"], description="false when there is none"),
        ],
        service_account_name=service_account("switch"),
        pod_gc=PodGC(strategy="OnPodSuccess", delete_delay_duration="2m"),
        # A failed workflow has to stay long enough for somebody to press Retry.
        ttl_strategy=TTLStrategy(seconds_after_success=DAY, seconds_after_failure=7 * DAY),
    ) as workflow:
        templates = {step: step_template(step, settings) for step in PATH}
        promote, ask, approved = _promote(templates), ask_for_approval(), _promote_approved(templates["switch"])
        with DAG(name=ENTRYPOINT):
            given = {"app": "{{workflow.parameters.app}}", "release": "{{workflow.parameters.release}}"}
            build = Task(
                name="build",
                template=templates["build"],
                arguments=given,
                when="'{{workflow.parameters.build}}' == 'true'",
            )
            live = Task(name=PROMOTE, template=promote, arguments=given)
            bake = Task(
                name="bake",
                template=templates["bake"],
                arguments=given,
                when="'{{workflow.parameters.bake}}' == 'true'",
            )
            wait = Task(name="wait-for-drain", template=templates["wait-for-drain"], arguments=given)
            delete = Task(name="delete", template=templates["delete"], arguments=given)
            asked = Task(name=GATE, template=ask, when=WANTED)
            choice = {CHOICE: f"{{{{tasks.{GATE}.outputs.parameters.{CHOICE}}}}}"}
            chosen = Task(name=PROMOTE_APPROVED, template=approved, arguments=given | choice, when=WANTED)
            build.next(live).next(asked).next(chosen).next(bake).next(wait).next(delete)
    return workflow


def _promote(templates: Mapping[str, Container]) -> DAG:
    with DAG(
        name=PROMOTE,
        inputs=[Parameter(name="app"), Parameter(name="release")],
        synchronization=Synchronization(mutexes=[Mutex(name="rainbow-{{inputs.parameters.app}}")]),
    ) as promote:
        room, deploy, tests, switch = (
            Task(name=step, template=templates[step], arguments=_INPUTS)
            for step in ("make-room", "deploy", "run-tests", "switch")
        )
        room.when = "'{{workflow.parameters.make-room}}' == 'true'"
        switch.when = NOT_WANTED
        room.next(deploy).next(tests).next(switch)
    return promote


def _promote_approved(switch: Container) -> DAG:
    """The rest of `promote`, taking its turn like any other."""
    with DAG(
        name=PROMOTE_APPROVED,
        inputs=[Parameter(name="app"), Parameter(name="release"), Parameter(name=CHOICE)],
        synchronization=Synchronization(mutexes=[Mutex(name="rainbow-{{inputs.parameters.app}}")]),
    ) as promote:
        Task(name="switch", template=switch, arguments=_INPUTS | {CHOICE: f"{{{{inputs.parameters.{CHOICE}}}}}"})
    return promote
