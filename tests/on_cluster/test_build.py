"""`build` on the cluster: the real builder image in a pod with exactly the privileges of `POD`, and no more."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tiny import APP, IMAGE, Tiny

from cluster.context import Context
from cluster.parts import git as git_server
from cluster.parts import images as own_images
from rainbow.adapters.kube import CONFIG_MAP, POD, Kube, Object
from rainbow.adapters.pod_run import PodEnd, PodRun
from rainbow.adapters.sources import cut, pack
from rainbow.adapters.world import World
from rainbow.model.release import ArchiveSource, GitSource, Phase, Source
from steps import build

pytestmark = pytest.mark.cluster

BUNDLE = "/etc/rainbow/ca/ca.crt"
CONTAINERFILE = """
ARG BASE
FROM ${BASE} AS first
RUN test "${SSL_CERT_FILE:-none}" = none || cp $SSL_CERT_FILE /seen.crt; touch /seen.crt
FROM ${BASE}
COPY --from=first /seen.crt /seen.crt
COPY hello.txt /hello.txt
RUN id -u > /uid.txt
USER 65532:65532
"""
# What the finished image holds: the file, the bundle as a RUN instruction saw it, and what should not be there.
LOOK = """
import hashlib, os, pathlib
print("hello", pathlib.Path("/hello.txt").read_text().strip())
print("seen", hashlib.sha256(pathlib.Path("/seen.crt").read_bytes()).hexdigest())
print("left", [n for n in os.environ if "CA" in n.split("_") or "CERT" in n], os.path.exists("/dev/shm/rainbow-ca.crt"))
"""


@dataclass
class Sources:
    """The app with sources to build, and the pod of the step."""

    tiny: Tiny
    builder: str
    folder: Path

    def write(self, **files: str) -> None:
        """Write the files of the app's sources; `__` in a name stands for a dot."""
        for name, text in ({"Containerfile": CONTAINERFILE, "hello__txt": "hello"} | files).items():
            (self.folder / name.replace("__", ".")).write_text(text)

    def packed(self, release: str) -> Source:
        """The sources in ConfigMaps, as the command line packs them."""
        archive = pack(self.folder)
        parts = cut(archive, APP, release, self.tiny.namespace)
        for part in parts:
            self.tiny.kube.create(part)
        names = [part["metadata"]["name"] for part in parts]
        return Source(archive=ArchiveSource(config_maps=names, sha256=hashlib.sha256(archive).hexdigest()))

    def submit(self, release: str, source: Source | None, **build: Any) -> None:
        """The record, with one image to build."""
        self.tiny.submit(release, source=source, built={"web": build})

    def run(self, release: str, *flags: str) -> PodEnd:
        """The step in a pod of its own; what it prints is kept."""
        return run_pod(self.tiny, step_pod(self.tiny.namespace, self.builder, release, *flags))


def run_pod(tiny: Tiny, pod: Object) -> PodEnd:
    """Run a pod to its end; its lines are kept."""
    world = World(kube=tiny.kube, say=tiny.lines.append)
    run = PodRun(world, tiny.namespace, pod["metadata"]["name"], "main")
    return run.follow(run.start(pod), prefix="", timeout=timedelta(minutes=8))


def step_pod(namespace: str, image: str, release: str, *flags: str) -> Object:
    """The pod as the workflow makes it: the shape that the step asks for, under its own ServiceAccount."""
    arguments = ["step", "build", "--namespace", namespace, "--app", APP, "--release", release, "--insecure"]
    arguments += ["--build-args", f"BASE={IMAGE}", *flags]
    container = {
        "name": "main",
        "image": image,
        "command": ["rainbow"],
        "args": arguments,
        "volumeMounts": [*build.POD["volumeMounts"], {"name": "ca", "mountPath": "/etc/rainbow/ca", "readOnly": True}],
        **{key: build.POD[key] for key in ("securityContext", "env", "resources")},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"build-{release}", "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "build",
            "containers": [container],
            "volumes": [*build.POD["volumes"], {"name": "ca", "configMap": {"name": "ca", "optional": True}}],
        },
    }


@pytest.fixture(scope="session")
def builder(kube: Kube, context: Context) -> str:
    """The builder image with the code as it is now."""
    own_images.push(context, own_images.build(context))
    return own_images.builder_image(context)


@pytest.fixture
def sources(kube: Kube, namespace: str, builder: str, tmp_path: Path) -> Sources:
    """An app in a namespace of its own, with sources to build from."""
    tiny = Tiny(kube, namespace)
    tiny.world("build", build.RULES)  # its Role
    kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "build", "namespace": namespace}})
    made = Sources(tiny, builder, tmp_path)
    made.write(stamp__txt=namespace)  # no earlier run of these tests has built it
    return made


@pytest.fixture
def repository(context: Context, namespace: str) -> Iterator[str]:
    """A repository on the cluster's git server, by its name."""
    git_server.create(context, namespace)
    yield namespace
    git_server.remove(context, namespace)


def committed(sources: Sources, address: str) -> str:
    """Commit the sources and push them."""
    folder = str(sources.folder)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    if not (sources.folder / ".git").exists():
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", folder], check=True)
    subprocess.run(["git", "-C", folder, "add", "--all"], check=True)
    subprocess.run(["git", "-C", folder, *identity, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True)
    subprocess.run(["git", "-C", folder, "push", "--quiet", address, "main"], check=True)
    done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_packed_sources_become_an_image_with_a_digest(sources: Sources) -> None:
    """The record has the digest, the image runs, the CA bundle was there for RUN, and nothing of it is left."""
    tiny, bundle = sources.tiny, "-----BEGIN CERTIFICATE-----\nnot really\n-----END CERTIFICATE-----\n"
    meta = {"name": "ca", "namespace": tiny.namespace}
    tiny.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"ca.crt": bundle}})
    sources.submit("v1", sources.packed("v1"))
    end = sources.run("v1", "--ca-bundle", BUNDLE)
    assert end.exit_code == 0, tiny.said
    image = tiny.record().status.images["web"]
    assert image.startswith(f"{build.REGISTRY}/{APP}/web@sha256:")
    assert tiny.record().status.phase is Phase.PENDING
    look = {"name": "main", "image": image, "command": ["python3", "-c", LOOK]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "look", "namespace": tiny.namespace}}
    assert run_pod(tiny, {**pod, "spec": {"restartPolicy": "Never", "containers": [look]}}).exit_code == 0
    assert "hello hello" in tiny.lines
    assert f"seen {hashlib.sha256(bundle.encode()).hexdigest()}" in tiny.lines
    assert "left [] False" in tiny.lines


def test_the_same_sources_at_another_commit_are_not_built_again(
    sources: Sources, repository: str, context: Context
) -> None:
    """A release of the same files has the same image, and its build is a question to the registry."""
    tiny, address = sources.tiny, f"git://127.0.0.1:{context.ports.git}/{repository}.git"
    for release in ("v1", "v2"):
        source = Source(git=GitSource(url=git_server.inside(repository), commit=committed(sources, address)))
        sources.submit(release, source)
        assert sources.run(release).exit_code == 0, tiny.said
    assert tiny.record("v1").status.images == tiny.record("v2").status.images
    assert tiny.record("v1").spec.source != tiny.record("v2").spec.source
    assert len([line for line in tiny.lines if line.startswith("web: building")]) == 1
    assert len([line for line in tiny.lines if line.startswith("web: built before")]) == 1


def test_a_build_that_fails_fails_the_release_and_nothing_else(sources: Sources) -> None:
    """Its log is in the step's log, the message names the image; no object of the app is there."""
    sources.write(Containerfile=f"FROM {IMAGE}\nRUN echo 'no such compiler' >&2; exit 4\n")
    sources.submit("v1", sources.packed("v1"))
    end = sources.run("v1")
    assert end.exit_code == 1
    assert "web | no such compiler" in sources.tiny.lines
    record = sources.tiny.record()
    assert record.status.phase is Phase.FAILED
    assert (record.status.message or "").startswith("images.web: ")
    assert "exit status 4" in (record.status.message or "")
    assert record.status.images == {}
    assert record.status.objects == []


def test_a_registry_out_of_reach_is_worth_another_try(sources: Sources) -> None:
    """Exit 75: Argo runs the step again, and the release is not marked as failed."""
    sources.submit("v1", sources.packed("v1"))
    end = sources.run("v1", "--registry", "127.0.0.1:1")
    assert end.exit_code == 75, sources.tiny.said
    assert sources.tiny.record().status.phase is Phase.PENDING


def test_sources_that_were_changed_on_the_way_are_refused(sources: Sources) -> None:
    """The record has their hash; what is built is what was released."""
    source = sources.packed("v1")
    assert source.archive is not None
    name = source.archive.config_maps[0]
    sources.tiny.kube.delete(CONFIG_MAP, sources.tiny.namespace, name)
    sources.write(hello__txt="something else")
    for part in cut(pack(sources.folder), APP, "v1", sources.tiny.namespace):
        sources.tiny.kube.create(part)
    sources.submit("v1", source)
    assert sources.run("v1").exit_code == 1
    assert "somebody changed them" in (sources.tiny.record().status.message or "")


def test_a_commit_that_was_not_pushed_is_told(sources: Sources, repository: str, context: Context) -> None:
    """The most likely mistake with a git source."""
    committed(sources, f"git://127.0.0.1:{context.ports.git}/{repository}.git")
    sources.submit("v1", Source(git=GitSource(url=git_server.inside(repository), commit="0" * 40)))
    assert sources.run("v1").exit_code == 2
    assert f"there is no commit {'0' * 40}" in sources.tiny.said


def test_killed_midway_a_second_run_finishes(sources: Sources) -> None:
    """Whoever takes the pod away: nothing half-built is in the registry, and the record is as it was."""
    tiny = sources.tiny
    sources.submit("v1", sources.packed("v1"))
    killed = threading.Event()

    def watch(line: str) -> None:
        if "COMMIT" in line and not killed.is_set():
            killed.set()
            tiny.kube.delete(POD, tiny.namespace, "build-v1")
        tiny.lines.append(line)

    run = PodRun(World(kube=tiny.kube, say=watch), tiny.namespace, "build-v1", "main")
    pod = run.start(step_pod(tiny.namespace, sources.builder, "v1"))
    assert run.follow(pod, prefix="", timeout=timedelta(minutes=8)).exit_code is None
    assert killed.is_set()
    assert (tiny.record().status.phase, tiny.record().status.images) == (Phase.PENDING, {})
    assert sources.run("v1").exit_code == 0, tiny.said
    assert set(tiny.record().status.images) == {"web"}


def test_a_dry_run_builds_nothing(sources: Sources) -> None:
    """It says what would be built, under which name."""
    sources.submit("v1", sources.packed("v1"))
    assert sources.run("v1", "--dry-run").exit_code == 0, sources.tiny.said
    assert "web: would be built and pushed as" in sources.tiny.said
    assert sources.tiny.record().status.images == {}
