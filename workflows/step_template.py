"""One Argo template for one step: the same shape for all, so that one name leads from file to template to pod."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hera.workflows import Container, Env, Parameter, RetryStrategy, SecretEnv
from hera.workflows.models import (
    Backoff,
    Capabilities,
    ConfigMapVolumeSource,
    EmptyDirVolumeSource,
    IntOrString,
    KeyToPath,
    PodSecurityContext,
    Quantity,
    ResourceRequirements,
    SeccompProfile,
    SecretVolumeSource,
    SecurityContext,
    ValueFrom,
    Volume,
    VolumeMount,
)

from rainbow.adapters.workflows import DESCRIPTION
from rainbow.adapters.world import LAST_WORDS, MESSAGE, PULL_SECRETS
from steps import STEPS, load
from steps.shape import Step, inputs
from workflows.settings import Settings

OUTPUTS = "/tmp/outputs"  # noqa: S108 - a folder of the pod's own, in memory of nobody else
CA_FOLDER = "/etc/rainbow/ca"
CA_CONFIG_MAP = "rainbow-ca"
CA_KEY = "ca.crt"
CA_FILE = f"{CA_FOLDER}/{CA_KEY}"
LOGIN_FOLDER = "/etc/rainbow/registry"
LOGIN_FILE = f"{LOGIN_FOLDER}/config.json"
USER = 65532
_LAST_WORDS = "/dev/termination-log"  # Kubernetes, "Customizing the termination message": its own default

# 75 is TemporaryError. 137 and 143 are a pod that was killed or asked to stop, and -1 one that left no exit code, as
# an evicted one: every step can be run again after any line. Whatever else fails, fails for good.
_AGAIN = 'lastRetry.status == "Error" || asInt(lastRetry.exitCode) in [-1, 75, 137, 143]'

# Who waits comes back every six hours to be started again: 1,500 times that is a year, 100 times that are 25 days.
_LIMITS = {"wait-for-drain": 1500, "bake": 100, "backfill": 100}
_DEADLINES = {"build": 3600, "deploy": 7200, "run-tests": 7200, "check-compatibility": 7200, "switch": 900}
_DEADLINES |= dict.fromkeys(("roll", "undo", "rollback"), 7200)  # a roll, and the one back
_DEADLINES |= {"bake": 7 * 3600, "wait-for-drain": 7 * 3600, "backfill": 7 * 3600}
_DEADLINES |= {"expand": 7200, "contract": 7200}
_DEADLINE = 1800


# Which run it is, for the lock of the app; and since when, for what people ask for.
_RUN = (
    Env(name="RAINBOW_RUN", value="{{workflow.uid}}"),
    Env(name="RAINBOW_ASKED_AT", value="{{workflow.creationTimestamp.RFC3339}}"),
)


def service_account(step: str) -> str:
    """The ServiceAccount that a step's pod runs as."""
    return f"rainbow-{step}"


def step_template(step: str, settings: Settings) -> Container:
    """The template `<step>` with the step's own inputs and outputs."""
    module = load(step)
    taken = inputs(module)
    shape = _builder(settings) if step == "build" else _ordinary(settings)
    _surround(shape, settings)
    return Container(
        name=step,
        image=shape.image,
        image_pull_policy="IfNotPresent",
        command=["rainbow"],
        args=["step", step, "--namespace", "{{workflow.namespace}}", *_flags(taken), *shape.arguments],
        inputs=[described(module, name, default) for name, default in taken.items()],
        outputs=[
            Parameter(name=name, value_from=ValueFrom(path=f"{OUTPUTS}/{name}", default=default))
            for name, default in {**module.OUTPUTS, MESSAGE: ""}.items()
        ],
        annotations={DESCRIPTION: STEPS[step]},
        env=[Env(name="RAINBOW_OUTPUTS", value=OUTPUTS), Env(name=LAST_WORDS, value=_LAST_WORDS), *_RUN, *shape.env],
        service_account_name=service_account(step),
        security_context=shape.security,
        pod_security_context=shape.pod_security,
        resources=shape.resources,
        volumes=shape.volumes,
        volume_mounts=shape.mounts,
        active_deadline_seconds=_DEADLINES.get(step, _DEADLINE),
        retry_strategy=RetryStrategy(
            limit=_LIMITS.get(step, 5),
            retry_policy="Always",
            expression=_AGAIN,
            # Argo 3.6 knows no cap: what comes back so often waits for as long each time, else for days in the end.
            backoff=Backoff(duration="10s")
            if step in _LIMITS
            else Backoff(duration="5s", factor=IntOrString(root="2")),
        ),
    )


@dataclass(frozen=True)
class _Shape:
    """Where the pod of the build step differs from the pods of all others."""

    image: str
    security: SecurityContext
    resources: ResourceRequirements
    pod_security: PodSecurityContext | None = None
    arguments: list[str] = field(default_factory=list)
    env: list[Env | SecretEnv] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)
    mounts: list[VolumeMount] = field(default_factory=list)


def _surround(shape: _Shape, settings: Settings) -> None:
    """Add what a company's network asks for."""
    if settings.ca_bundle is not None:
        source = ConfigMapVolumeSource(name=CA_CONFIG_MAP)
        shape.volumes.append(Volume(name="ca", config_map=source))
        shape.mounts.append(VolumeMount(name="ca", mount_path=CA_FOLDER, read_only=True))
        shape.env.append(Env(name="REQUESTS_CA_BUNDLE", value=CA_FILE))
    if settings.proxy is not None:
        shape.env.extend(settings.proxy.env())
    if settings.image_pull_secrets:
        shape.env.append(Env(name=PULL_SECRETS, value=",".join(settings.image_pull_secrets)))


def _ordinary(settings: Settings) -> _Shape:
    return _Shape(
        image=settings.step_image,
        security=SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=Capabilities(drop=["ALL"]),
        ),
        pod_security=PodSecurityContext(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            seccomp_profile=SeccompProfile(type="RuntimeDefault"),
        ),
        resources=ResourceRequirements(
            requests={"cpu": Quantity(root="20m"), "memory": Quantity(root="64Mi")},
            limits={"memory": Quantity(root="256Mi")},
        ),
        volumes=[Volume(name="tmp", empty_dir=EmptyDirVolumeSource())],
        mounts=[VolumeMount(name="tmp", mount_path="/tmp")],  # noqa: S108
    )


def _builder(settings: Settings) -> _Shape:
    """The build step: its own image, more rights within its pod (see steps/build.py), and where to push to."""
    from steps.build import POD

    arguments = ["--registry", settings.registry]
    if settings.insecure_registry:
        arguments.append("--insecure")
    for name, value in settings.build_args.items():
        arguments += ["--build-args", f"{name}={value}"]
    if settings.ca_bundle is not None:
        arguments += ["--ca-bundle", CA_FILE]
    shape = _Shape(
        image=settings.builder_image,
        security=SecurityContext.model_validate(POD["securityContext"]),
        resources=ResourceRequirements.model_validate(POD["resources"]),
        arguments=arguments,
        env=[Env(name=env["name"], value=env["value"]) for env in POD["env"]],
        volumes=[Volume.model_validate(volume) for volume in POD["volumes"]],
        mounts=[VolumeMount.model_validate(mount) for mount in POD["volumeMounts"]],
    )
    if settings.registry_secret is not None:
        # As a file that buildah reads by itself: its contents are in no parameter and in no log.
        items = [KeyToPath(key=".dockerconfigjson", path="config.json")]
        source = SecretVolumeSource(secret_name=settings.registry_secret, items=items)
        shape.volumes.append(Volume(name="registry", secret=source))
        shape.mounts.append(VolumeMount(name="registry", mount_path=LOGIN_FOLDER, read_only=True))
        shape.env.append(Env(name="REGISTRY_AUTH_FILE", value=LOGIN_FILE))
    return shape


def parameter(name: str) -> str:
    """What a field of a step's Params is called in Argo."""
    return name.replace("_", "-")


def described(module: Step, name: str, default: str | None) -> Parameter:
    """A field of a step's Params as a parameter in Argo, with its words for the UI; None: it has to be given."""
    description = module.Params.model_fields[name].description
    if default is None:
        return Parameter(name=parameter(name), description=description)
    return Parameter(name=parameter(name), description=description, value=default)


def _flags(names: Iterable[str]) -> list[str]:
    return [part for n in map(parameter, names) for part in (f"--{n}", f"{{{{inputs.parameters.{n}}}}}")]
