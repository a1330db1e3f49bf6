"""Build the app's images that were not given, and push them to the registry.

Sources come from one commit of a git repository, or packed by the command line. An image is named by what goes into
it, so the same sources are never built twice. Buildah runs in a pod that is not privileged (`POD`). A CA bundle, when
given, is known to every RUN instruction by the usual variables, and is not in the image.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from rainbow.adapters.archive import hash_folder, read_archive, unpack
from rainbow.adapters.buildah import Build, Buildah
from rainbow.adapters.git import Checkout, check_out, without_credentials
from rainbow.adapters.records import note, read_release
from rainbow.adapters.registry import Registry
from rainbow.adapters.world import World
from rainbow.decisions.building import BuildInputs, content_tag
from rainbow.errors import BadInput, PermanentError, Refused
from rainbow.model.app import ImageBuild
from rainbow.model.release import Phase, Release
from steps.failure import marked_as_failed, take_up
from steps.shape import StepParams

REGISTRY = "registry.platform.svc.cluster.local:5000"

OUTPUTS: Mapping[str, str] = {
    "images": "{}",  # JSON: image name → what to run for it
}

RULES: list[dict[str, Any]] = [
    # The record: which images are wanted, and from which sources; and the digests on it.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # Sources packed by the command line.
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
]

# What the pod of this step needs, as data for its template. Not privileged, no host path, no device.
POD: dict[str, Any] = {
    "securityContext": {
        "runAsUser": 0,
        "runAsNonRoot": False,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {
            "drop": ["ALL"],
            # chroot isolation; files of other owners in layers; SETUID, SETGID and SETFCAP to map users into the
            # user namespace in which buildah mounts, in place of SYS_ADMIN (user_namespaces(7)).
            "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT"],
        },
        # RuntimeDefault forbids unshare(2) of a user namespace to whoever lacks SYS_ADMIN.
        "seccompProfile": {"type": "Unconfined"},
    },
    # Layers, possibly one whole copy each (vfs): room for them, off the memory, and outside of the pod's own overlay.
    "volumes": [{"name": "work", "emptyDir": {"sizeLimit": "10Gi"}}, {"name": "tmp", "emptyDir": {}}],
    "volumeMounts": [{"name": "work", "mountPath": "/work"}, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    "env": [{"name": "TMPDIR", "value": "/work"}, {"name": "HOME", "value": "/work"}],
    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}},
}


def _pair(text: str) -> str:
    if not re.match(r"^[A-Za-z_][A-Za-z0-9_]*=", text):
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return text


class Params(StepParams):
    """Parameters of `build`."""

    registry: str = Field(default=REGISTRY, pattern=r"^[^/\s]+(/[^\s]+)?$", description="registry to push to")
    insecure: bool = Field(default=False, description="the registry speaks plain HTTP")
    build_args: tuple[Annotated[str, AfterValidator(_pair)], ...] = Field(
        default=(), description="build argument for every image, NAME=VALUE; rainbow.yaml wins; may be repeated"
    )
    ca_bundle: Path | None = Field(default=None, description="CA certificates to trust, for git, registry and RUN")


@dataclass(frozen=True)
class Planned:
    """One image that has to be there. `reference` has no digest yet."""

    name: str
    build: Build
    repository: str
    tag: str


def run(params: Params, world: World) -> None:
    """Build. Raises PermanentError naming the image when its Containerfile fails; nothing else is changed then."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    if release.status.phase == Phase.DELETED:
        raise Refused(f"release {release.id} of app {release.app} has been deleted; release its sources under a new id")
    wanted = {name: b for name, b in release.spec.app.images.items() if name not in release.spec.images}
    if not wanted:
        world.say("every image was given; there is nothing to build")
        world.output("images", json.dumps(release.spec.images, sort_keys=True))
        return
    if params.ca_bundle and not params.ca_bundle.is_file():
        raise BadInput(f"--ca-bundle: there is no file {params.ca_bundle}")
    if params.dry_run:
        _build(params, world, release, wanted)
        return
    release = take_up(world, release, Phase.PENDING)
    with marked_as_failed(world, release):
        built = _build(params, world, release, wanted)
    note(world.kube, release, images=release.status.images | built)
    world.output("images", json.dumps(release.spec.images | built, sort_keys=True))


def _build(params: Params, world: World, release: Release, wanted: Mapping[str, ImageBuild]) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="rainbow-build-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        base = _fetch(params, world, release, folder)
        plans = [_plan(params, release, image, build, base) for image, build in wanted.items()]
        return {plan.name: digest for plan in plans if (digest := _ensure(params, world, plan, folder))}


def _fetch(params: Params, world: World, release: Release, folder: Path) -> tuple[Path, Path]:
    """The sources in a folder: the root of all of them, and the folder of rainbow.yaml in it."""
    source, root = release.spec.source, folder / "source"
    if source and source.git:
        world.say(f"fetching {source.git.commit} from {without_credentials(source.git.url)}")
        wanted = Checkout(source.git.url, source.git.commit, ca_bundle=params.ca_bundle)
        check_out(wanted, folder / "repository", root)
        return root, inside(root, root, source.git.path, "source.git.path")
    if source and source.archive:
        world.say(f"unpacking the sources from {len(source.archive.config_maps)} ConfigMaps")
        unpack(read_archive(world.kube, release.namespace, source.archive), root)
        return root, root
    raise BadInput(
        f"release {release.id} has neither an image nor sources for all of {', '.join(release.spec.app.images)}; "
        "give --image NAME=REFERENCE or --source"
    )


def inside(root: Path, base: Path, path: str, what: str) -> Path:
    """A path inside the sources; links that lead out of them are not followed."""
    found = (base / path).resolve()
    if not found.is_relative_to(root.resolve()) or not found.exists():
        raise BadInput(f"{what}: there is no {path!r} in the sources")
    return found


def _plan(params: Params, release: Release, name: str, build: ImageBuild, sources: tuple[Path, Path]) -> Planned:
    root, base = sources
    context = inside(root, base, build.context, f"images.{name}.context")
    containerfile = inside(root, context, build.containerfile, f"images.{name}.containerfile")
    arguments = dict(pair.split("=", 1) for pair in params.build_args) | build.args
    tag = content_tag(BuildInputs(hash_folder(context), build, arguments))
    repository = f"{params.registry}/{release.app}/{name}"
    return Planned(
        name=name,
        build=Build(f"{repository}:{tag}", context, containerfile, build.target, arguments),
        repository=repository,
        tag=tag,
    )


def _ensure(params: Params, world: World, plan: Planned, folder: Path) -> str | None:
    """The reference with digest of the image, built if need be; None in a dry run that would have to build it."""
    host, _, path = plan.repository.partition("/")
    registry = Registry(host, insecure=params.insecure, ca_bundle=params.ca_bundle)
    if digest := registry.digest(path, plan.tag):
        world.say(f"{plan.name}: built before from the same sources, {plan.repository}@{digest}")
        return f"{plan.repository}@{digest}"
    if params.dry_run:
        world.say(f"{plan.name}: would be built and pushed as {plan.build.name}")
        return None
    storage = folder / "buildah"
    storage.mkdir(exist_ok=True)
    buildah = Buildah(
        folder=storage,
        say=lambda line: world.say(f"{plan.name} | {line}"),
        insecure=[host] if params.insecure else [],
        ca_bundle=params.ca_bundle,
    )
    world.say(f"{plan.name}: building {plan.build.name} (layers: {buildah.driver})")
    try:
        buildah.build(plan.build)
    except PermanentError as error:
        raise PermanentError(f"images.{plan.name}: {error}. Its log is above; users are untouched") from error
    digest = buildah.push(plan.build.name)
    world.say(f"{plan.name}: pushed {plan.repository}@{digest}")
    return f"{plan.repository}@{digest}"
