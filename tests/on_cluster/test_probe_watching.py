"""Watches against a real API server: what comes first, what comes then, and where a later watch goes on."""

from __future__ import annotations

import pytest
from plain import eventually

from rainbow.adapters.kube import CONFIG_MAP, SERVICE, Kind, Kube
from rainbow.adapters.probe.watching import Watching, watching
from rainbow.errors import PermanentError

pytestmark = pytest.mark.cluster


def test_a_watch_tells_what_is_there_and_then_what_changes(kube: Kube, namespace: str) -> None:
    """It ends by itself; the next one goes on from the last version that was seen."""
    meta = {"name": "a", "namespace": namespace}
    kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"n": "1"}})
    first = [(change, obj) for change, obj in kube.watch(CONFIG_MAP, namespace, 1) if obj["metadata"]["name"] == "a"]
    assert [change for change, _ in first] == ["ADDED"]
    since = first[0][1]["metadata"]["resourceVersion"]
    kube.patch(CONFIG_MAP, namespace, "a", {"data": {"n": "2"}})
    kube.delete(CONFIG_MAP, namespace, "a")
    then = [(c, o) for c, o in kube.watch(CONFIG_MAP, namespace, 1, since) if o["metadata"]["name"] == "a"]
    assert [(change, obj["data"]["n"]) for change, obj in then] == [("MODIFIED", "2"), ("DELETED", "2")]


def test_what_cannot_be_watched(kube: Kube, namespace: str) -> None:
    """A kind that the cluster does not have; nobody waits for it."""
    with pytest.raises(PermanentError, match="install its CRD"):
        list(kube.watch(Kind("v1", "Nothing"), namespace, 1))


def test_a_route_that_leads_elsewhere_is_told(kube: Kube, namespace: str) -> None:
    """By every watch of a probe at once, and only what happens in the namespace while it is watched."""
    meta, ports = {"name": "web", "namespace": namespace}, [{"port": 80}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}}
    with watching(kube, namespace) as around:
        for release, told in (("v1", "is made"), ("v2", "leads elsewhere: release=v2")):
            kube.apply(service | {"spec": {"selector": {"release": release}, "ports": ports}})
            eventually(lambda told=told: f"Service web {told}" in _told(around), told)  # type: ignore[misc]
        kube.delete(SERVICE, namespace, "web")
        eventually(lambda: len(_told(around)) == 3, "it is gone")
    assert _told(around) == ["Service web is made", "Service web leads elsewhere: release=v2", "Service web is gone"]
    assert around.unseen == {}


def _told(around: Watching) -> list[str]:
    return [seen.what for seen in around.seen if "Service web" in seen.what]
