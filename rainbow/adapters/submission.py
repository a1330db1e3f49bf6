"""Submitting a release: its record, its packed sources, its workflow, in an order that can be cut anywhere.

Everything is checked before anything is created. When a later object cannot be created, the record is taken back,
and with it, by their owner reference, the sources.
"""

from __future__ import annotations

from hashlib import sha256

from rainbow.adapters.kube import CONFIG_MAP, RELEASE, WORKFLOW, Kind, Kube, NotThere, Object
from rainbow.adapters.sources import cut
from rainbow.adapters.workflows import workflow_object
from rainbow.errors import BadInput, Conflict, PermanentError, RainbowError
from rainbow.model.release import ArchiveSource, ReleaseSpec, Source, new_record

TEMPLATE = "release"
_TEMPLATE_KIND = Kind("argoproj.io/v1alpha1", "WorkflowTemplate")


def submit(kube: Kube, spec: ReleaseSpec, archive: bytes | None) -> None:
    """Create the record and the workflow. Raises BadInput, with nothing changed, when the release exists already."""
    app, namespace = spec.app.app, spec.app.namespace
    _installed(kube, namespace)
    chunks: list[Object] = []
    if archive is not None:
        chunks = cut(archive, app, spec.release, namespace)
        names = [chunk["metadata"]["name"] for chunk in chunks]
        source = Source(archive=ArchiveSource(config_maps=names, sha256=sha256(archive).hexdigest()))
        spec = spec.model_copy(update={"source": source})
    try:
        record = kube.create(new_record(spec))
    except Conflict as error:
        raise BadInput(
            f"release {spec.release} of app {app} exists already in namespace {namespace}; a release is immutable: "
            "choose another id, or leave --release out"
        ) from error
    arguments = {"app": app, "release": spec.release, "build": "true" if spec.source else "false"}
    try:
        for chunk in chunks:
            kube.create(_owned(chunk, record))
        kube.create(workflow_object(TEMPLATE, namespace, app, spec.release, arguments))
    except RainbowError:
        meta = record["metadata"]
        kube.delete(RELEASE, namespace, meta["name"], uid=meta["uid"])
        raise


def _installed(kube: Kube, namespace: str) -> None:
    try:
        there = kube.get(_TEMPLATE_KIND, namespace, TEMPLATE)
        kube.path(RELEASE, namespace)
        kube.path(WORKFLOW, namespace)
    except NotThere as error:
        raise BadInput(f"{error}. Is Argo Workflows installed in this cluster?") from error
    except PermanentError as error:
        raise BadInput(f"{error}: run `rainbow install --namespace {namespace}` first") from error
    if there is None:
        raise BadInput(
            f"namespace {namespace} has no WorkflowTemplate {TEMPLATE}: "
            f"run `rainbow install --namespace {namespace}` first"
        )


def _owned(obj: Object, record: Object) -> Object:
    owner = {
        "apiVersion": record["apiVersion"],
        "kind": record["kind"],
        "name": record["metadata"]["name"],
        "uid": record["metadata"]["uid"],
    }
    assert obj["kind"] == CONFIG_MAP.kind  # noqa: S101 - only packed sources are owned by a record
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": [owner]}}
