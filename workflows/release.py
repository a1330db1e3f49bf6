"""The main job: lint → build → [deploy → run-tests → switch] → bake → wait-for-drain → delete.

The brackets are a DAG of their own under one mutex per app: releases take turns from deploy to switch, and never
wait for an older one to drain (S3). The mutex is the first fence only; the steps are safe without it.
"""

from __future__ import annotations

from collections.abc import Mapping

from hera.workflows import DAG, Container, Parameter, Task, WorkflowTemplate
from hera.workflows.models import Mutex, PodGC, Synchronization, TTLStrategy

from rainbow.adapters.gate import CHOICE, GATE, YES
from rainbow.adapters.workflows import DESCRIPTION, TITLE
from workflows.approval import NOT_WANTED, WANTED, ask_for_approval
from workflows.settings import Settings
from workflows.step_template import service_account, step_template

NAME = "release"
# Its steps, and no others: every workflow carries a copy of all templates.
PATH = (
    "lint",
    "build",
    "make-room",
    "expand",
    "roll",
    "deploy",
    "run-tests",
    "check-compatibility",
    "switch",
    "undo",
    "bake",
    "backfill",
    "wait-for-drain",
    "delete",
    "contract",
)
PROMOTE = "promote"
PROMOTE_APPROVED = "promote-approved"
ENTRYPOINT = "main"
DAY = 24 * 3600

_COMPATIBLE = "'{{workflow.parameters.check-compatibility}}' == 'true'"
_ROLLS = "'{{workflow.parameters.roll}}' == 'true'"
_TESTED_BY = ("run-tests", "check-compatibility")
_APP = Parameter(name="app", description="name of the app")
_RELEASE = Parameter(name="release", description="id of the release; its Release record exists already")
_INPUTS = {"app": "{{inputs.parameters.app}}", "release": "{{inputs.parameters.release}}"}


def release_template(namespace: str, settings: Settings) -> WorkflowTemplate:
    """The WorkflowTemplate `release` for one namespace; its steps can be used by `templateRef` too."""
    with WorkflowTemplate(
        name=NAME,
        namespace=namespace,
        entrypoint=ENTRYPOINT,
        annotations={
            TITLE: "Release an app",
            DESCRIPTION: (
                "Builds, deploys beside all others, tests, switches, waits until older releases are done, deletes them."
            ),
        },
        arguments=[
            _APP,
            _RELEASE,
            Parameter(name="build", value="true", enum=["true", "false"], description="false when images are given"),
            Parameter(name="make-room", value="true", enum=["true", "false"], description="false unless blue/green"),
            Parameter(name="roll", value="true", enum=["true", "false"], description="false when nothing is rolled"),
            Parameter(name="deploy", value="true", enum=["true", "false"], description="false when all is rolled"),
            Parameter(
                name="check-compatibility",
                value="true",
                enum=["true", "false"],
                description="false when no release of the app has tests",
            ),
            Parameter(name="approval", value="false", enum=["true", "false"], description="true: a person decides"),
            Parameter(name="bake", value="true", enum=["true", "false"], description="false when there is none"),
            *(
                Parameter(name=stage, value="true", enum=["true", "false"], description="false when there is none")
                for stage in ("expand", "backfill", "contract")
            ),
        ],
        service_account_name=service_account("switch"),
        pod_gc=PodGC(strategy="OnPodSuccess", delete_delay_duration="2m"),
        # A failed workflow has to stay long enough for somebody to press Retry.
        ttl_strategy=TTLStrategy(seconds_after_success=DAY, seconds_after_failure=7 * DAY),
    ) as workflow:
        templates = {step: step_template(step, settings) for step in PATH}
        promote, ask, approved = _promote(templates), ask_for_approval(), _promote_approved(templates)
        with DAG(name=ENTRYPOINT):
            given = {"app": "{{workflow.parameters.app}}", "release": "{{workflow.parameters.release}}"}
            lint = Task(name="lint", template=templates["lint"], arguments=given)
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
            backfill, contract = (
                Task(
                    name=stage,
                    template=templates[stage],
                    arguments=given | more,
                    when=f"'{{{{workflow.parameters.{stage}}}}}' == 'true'",
                )
                for stage, more in (("backfill", {}), ("contract", {"later": "true"}))
            )
            wait = Task(name="wait-for-drain", template=templates["wait-for-drain"], arguments=given)
            delete = Task(name="delete", template=templates["delete"], arguments=given)
            asked = Task(name=GATE, template=ask, when=WANTED)
            choice = {CHOICE: f"{{{{tasks.{GATE}.outputs.parameters.{CHOICE}}}}}"}
            chosen = Task(name=PROMOTE_APPROVED, template=approved, arguments=given | choice, when=WANTED)
            lint.next(build).next(live).next(asked).next(chosen).next(bake)
            bake.next(backfill).next(wait).next(delete).next(contract)
    return workflow


def _promote(templates: Mapping[str, Container]) -> DAG:
    with DAG(
        name=PROMOTE,
        inputs=[_APP, _RELEASE],
        synchronization=Synchronization(mutexes=[Mutex(name="rainbow-{{inputs.parameters.app}}")]),
    ) as promote:
        room, expand, roll, deploy, tests, compatible, switch, undo = (
            Task(name=step, template=templates[step], arguments=_INPUTS)
            for step in ("make-room", "expand", "roll", "deploy", *_TESTED_BY, "switch", "undo")
        )
        roll.when = undo.when = _ROLLS
        deploy.when = "'{{workflow.parameters.deploy}}' == 'true'"
        compatible.when = _COMPATIBLE
        room.when = "'{{workflow.parameters.make-room}}' == 'true'"
        expand.when = "'{{workflow.parameters.expand}}' == 'true'"
        switch.when = NOT_WANTED
        room.next(expand).next(roll).next(deploy).next(tests).next(switch)
        deploy.next(compatible).next(switch)
        # What was rolled is with users before its tests. Where one of these fails, the others are over or never begin.
        # A roll undoes itself, unless it was cut off for good: its retries ran out, or its pod could not be had.
        steps = ("roll", "deploy", *_TESTED_BY, "switch")
        failing = [f"{step}.{how}" for step in steps for how in ("Failed", "Errored")]
        undo.depends = " || ".join(failing)
    return promote


def _promote_approved(templates: Mapping[str, Container]) -> DAG:
    """The rest of `promote`, taking its turn like any other. Another release may have become current meanwhile."""
    with DAG(
        name=PROMOTE_APPROVED,
        inputs=[_APP, _RELEASE, Parameter(name=CHOICE, description="what was chosen at the gate")],
        synchronization=Synchronization(mutexes=[Mutex(name="rainbow-{{inputs.parameters.app}}")]),
    ) as promote:
        answer = {CHOICE: f"{{{{inputs.parameters.{CHOICE}}}}}"}
        again = Task(name="check-compatibility", template=templates["check-compatibility"], arguments=_INPUTS)
        again.when = f"{_COMPATIBLE} && '{answer[CHOICE]}' == '{YES}'"
        again.next(Task(name="switch", template=templates["switch"], arguments=_INPUTS | answer))
    return promote
