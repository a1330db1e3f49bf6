"""`delete` when a kind of some release cannot be looked at: that release is kept and says so, the others go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from emulated import START, Emulated, StoppedClock, Store, point_route

from rainbow.adapters.kube import SERVICE, Forbidden, Object
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.errors import PermanentError
from rainbow.model.names import release_labels
from rainbow.model.release import ObjectRef, Phase, Release, ReleaseSpec, new_record
from steps import delete
from tests.decisions.make import app

SLICE = ObjectRef(api_version="discovery.k8s.io/v1", kind="EndpointSlice", name="x")
GONE = ObjectRef(api_version="cats.dev/v1", kind="Cat", name="x")


class Limited(Emulated):
    """An API server that lets nobody list some resource."""

    closed = "endpointslices"

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if path.endswith(f"/{self.closed}"):
            raise Forbidden(f"{method} {path}: no right")
        return super()._once(method, path, query, body, content_type)


@pytest.fixture
def kube() -> Limited:
    """v9 is current."""
    kube = Limited(None, attempts=1, store=Store())
    release(kube, "v9", phase=Phase.CURRENT, traffic="100%", live_at=START)
    point_route(kube, "web-v9")
    return kube


def release(kube: Emulated, name: str, *objects: ObjectRef, **status: Any) -> None:
    """A release that failed long ago, unless told otherwise, with a Service."""
    kube.create(new_record(ReleaseSpec(release=name, app=app(), manifests="")))
    plain: dict[str, Any] = {"phase": Phase.FAILED, "failed_at": START - timedelta(days=9)}
    note(kube, record(kube, name), objects=list(objects), **(status or plain))
    meta = {"name": f"web-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
    kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})


def record(kube: Emulated, name: str) -> Release:
    """The record as it is now."""
    return read_release(kube, "spawn", "spawn", name)


def run(kube: Emulated) -> list[str]:
    """Run the step; what it says."""
    lines: list[str] = []
    world = World(kube, clock=StoppedClock(), say=lines.append)
    delete.run(delete.Params(namespace="spawn", app="spawn", release="v9"), world)
    return lines


@pytest.mark.parametrize(("ref", "why"), [(SLICE, "no right"), (GONE, "cats.dev/v1")])
def test_only_the_release_that_has_the_kind_is_kept(kube: Limited, ref: ObjectRef, why: str) -> None:
    """Its blocker names the kind and what to do; one failed release is in nobody's way."""
    release(kube, "v1", ref)
    release(kube, "v2")
    lines = run(kube)
    assert kube.get(SERVICE, "spawn", "web-v1") is not None
    assert kube.get(SERVICE, "spawn", "web-v2") is None
    assert record(kube, "v1").status.phase is Phase.FAILED
    assert record(kube, "v2").status.phase is Phase.DELETED
    blocker = record(kube, "v1").status.blocker or ""
    assert blocker.startswith(f"its objects of kind {ref.kind} cannot be looked at")
    assert blocker.endswith("and then its record: Release spawn-v1")
    assert why in blocker
    assert f"v1: keep: {blocker}" in lines


def test_what_every_release_has_must_be_seen(kube: Limited) -> None:
    """Without Services it is not known what a route leads to: nothing is deleted."""
    release(kube, "v2")
    kube.closed = "deployments"
    with pytest.raises(PermanentError, match="no right"):
        run(kube)
    assert kube.get(SERVICE, "spawn", "web-v2") is not None
