"""The step image as pods have it: what is in it and what is not, what it says of itself, and that it is made alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from plain import eventually

from cluster.context import Context
from cluster.parts import images
from cluster.parts.buildah import buildah
from rainbow import __version__
from rainbow.adapters.kube import POD, Kube

pytestmark = pytest.mark.cluster

LOOK = """
import importlib.util as u, json, os
from importlib.metadata import distributions
names = ("hera", "rich", "ruamel", "workflows", "cluster", "vl_convert", "pip", "setuptools")
with open("/usr/share/sbom/rainbow-step.cdx.json") as file:
    sbom = json.load(file)
python = {p["name"]: p["version"] for p in sbom["components"] if p["purl"].startswith("pkg:pypi/")}
debian = [p["name"] for p in sbom["components"] if p["purl"].startswith("pkg:deb/")]
print(json.dumps({
    "there": [n for n in names if u.find_spec(n)],
    "listed": python,
    "installed": {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()},
    "debian": debian,
    "version": sbom["metadata"]["component"]["version"],
    "user": os.getuid(),
}))
"""


@pytest.fixture(scope="module")
def image(context: Context) -> str:
    """Of this checkout; `make test` has pushed it."""
    return images.step_image(context)


def test_it_has_what_steps_need_and_a_list_of_it(kube: Kube, namespace: str, image: str) -> None:
    """Neither Hera nor what only people's commands need; and the document in it names what is really installed."""
    container = {"name": "look", "image": image, "command": ["python", "-c", LOOK]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    meta = {"name": "look", "namespace": namespace}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})

    def over() -> bool:
        found = kube.get(POD, namespace, "look") or {}
        return found.get("status", {}).get("phase") in ("Succeeded", "Failed")

    eventually(over, "the end of the pod")
    text = kube.pod_log(namespace, "look", "look")
    found = json.loads(text.splitlines()[-1])
    assert found["there"] == []
    assert found["listed"] == found["installed"]
    assert {"libc6", "python3", "ca-certificates"} <= set(found["debian"])
    assert (found["version"], found["user"]) == (__version__, 65532)


def _of_registry(context: Context, path: str) -> Any:
    kinds = {"Accept": images.MANIFEST_KINDS}
    answer = requests.get(
        f"http://127.0.0.1:{context.ports.registry}/v2/rainbow/step/{path}", headers=kinds, timeout=30
    )
    answer.raise_for_status()
    return answer.json()


def test_it_says_what_it_is(context: Context, image: str) -> None:
    """By the labels that OCI defines; who runs it is nobody."""
    manifest = _of_registry(context, f"manifests/{image.rpartition(':')[2]}")
    config = _of_registry(context, f"blobs/{manifest['config']['digest']}")
    labels = config["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.title"]
    assert config["config"]["User"] == "65532:65532"
    assert config["created"].startswith("1970-01-01")


def _rebuilt(context: Context) -> str:
    """The id of what is built of the code, from a copy of its own and without what is kept of earlier builds."""
    with images._alone(context), images._snapshot(context) as source:
        containerfile = str(source / "images/step.Containerfile")
        how = ["--isolation", "chroot", "--no-cache", "--quiet", "--timestamp", "0", "--target", "code"]
        given = ["--build-arg", f"BASE={images.BASE}", "--file", containerfile]
        built = buildah(context, "build", *how, *given, str(source)).split()[-1]
        buildah(context, "rmi", built)
    return built


def test_the_same_sources_are_the_same_image(context: Context) -> None:
    """Compiled anew and at another time, every byte of the code's layer is the same."""
    assert _rebuilt(context) == _rebuilt(context)
