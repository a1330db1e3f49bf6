"""One Argo template for one step: the same shape for all, so that one name leads from file to template to pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hera.workflows import Container, EmptyDirVolume, Env, Parameter, Resources, RetryStrategy
from hera.workflows.models import (
    Backoff,
    Capabilities,
    IntOrString,
    PodSecurityContext,
    SeccompProfile,
    SecurityContext,
    ValueFrom,
)

from steps import STEPS, load
from workflows.settings import Settings

OUTPUTS = "/tmp/outputs"  # noqa: S108 - a folder of the pod's own, in memory of nobody else
CA_FOLDER = "/etc/rainbow/ca"
CA_CONFIG_MAP = "rainbow-ca"
CA_KEY = "ca.crt"
USER = 65532

# 75 is TemporaryError. 137 and 143 are a pod that was killed or asked to stop, and -1 one that left no exit code, as
# an evicted one: every step can be run again after any line. Whatever else fails, fails for good.
_AGAIN = 'lastRetry.status == "Error" || asInt(lastRetry.exitCode) in [-1, 75, 137, 143]'

# The waiting step comes back every six hours to be started again; 1,500 times that is a year.
_LIMITS = {"wait-for-drain": 1500}
_DEADLINES = {"build": 3600, "deploy": 7200, "run-tests": 7200, "switch": 900, "wait-for-drain": 7 * 3600}
_DEADLINE = 1800


def service_account(step: str) -> str:
    """The ServiceAccount that a step's pod runs as."""
    return f"rainbow-{step}"


def step_template(step: str, settings: Settings) -> Container:
    """The template `<step>` with the inputs `app` and `release` and the step's own outputs."""
    module = load(step)
    container = Container(
        name=step,
        image=settings.step_image,
        image_pull_policy="IfNotPresent",
        command=["rainbow"],
        args=["step", step, "--namespace", "{{workflow.namespace}}", *_flags(["app", "release"])],
        inputs=[
            Parameter(name="app", description="name of the app"),
            Parameter(name="release", description="id of the release"),
        ],
        outputs=[
            Parameter(name=name, value_from=ValueFrom(path=f"{OUTPUTS}/{name}", default=default))
            for name, default in module.OUTPUTS.items()
        ],
        annotations={"workflows.argoproj.io/description": STEPS[step]},
        env=[Env(name="RAINBOW_OUTPUTS", value=OUTPUTS)],
        service_account_name=service_account(step),
        security_context=SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=Capabilities(drop=["ALL"]),
        ),
        pod_security_context=PodSecurityContext(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            seccomp_profile=SeccompProfile(type="RuntimeDefault"),
        ),
        resources=Resources(cpu_request="20m", memory_request="64Mi", memory_limit="256Mi"),
        volumes=[EmptyDirVolume(name="tmp", mount_path="/tmp")],  # noqa: S108
        active_deadline_seconds=_DEADLINES.get(step, _DEADLINE),
        retry_strategy=RetryStrategy(
            limit=_LIMITS.get(step, 5),
            retry_policy="Always",
            expression=_AGAIN,
            backoff=Backoff(duration="5s", factor=IntOrString(root=2), max_duration=None, cap="1m"),
        ),
    )
    if step == "build":
        _as_builder(container, settings, module.POD)  # type: ignore[attr-defined]
    return container


def _flags(inputs: list[str]) -> list[str]:
    return [part for name in inputs for part in (f"--{name}", f"{{{{inputs.parameters.{name}}}}}")]


def _as_builder(container: Container, settings: Settings, pod: Mapping[str, Any]) -> None:
    """The build step differs: its own image, more rights within its pod, and where to push to."""
    raise NotImplementedError
