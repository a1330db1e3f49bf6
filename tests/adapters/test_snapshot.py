"""One reading of the cluster answers everybody: one list for a kind, with the labels that each asks for."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.adapters.kube import BRIEF, CONFIG_MAP, DEPLOYMENT, POD, RELEASE, SERVICE, Kind, Kube, NotThere, Object
from rainbow.adapters.snapshot import Snapshot, matches
from rainbow.errors import PermanentError
from rainbow.model.names import APP_LABEL

A1 = {"rainbow.dev/app": "a", "rainbow.dev/release": "1"}


class Listed(Kube):
    """An API server with these objects of any kind, which notes what it is asked."""

    def __init__(self, *objects: Object) -> None:
        super().__init__(None, attempts=1)
        self.objects, self.asked = objects, []  # type: ignore[var-annotated]

    def path(self, kind: Kind, namespace: str | None, name: str | None = None) -> str:
        """No discovery."""
        return f"/{namespace}/{kind.kind}" + (f"/{name}" if name else "")

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        import json

        self.asked.append((path, query.get("labelSelector"), content_type == BRIEF))
        if "Missing" in path:
            raise NotThere(path)
        return json.dumps({"items": self.objects, "metadata": {"name": path}})


def obj(name: str, labels: dict[str, str] | None = None) -> Object:
    """An object."""
    return {"metadata": {"name": name, "labels": labels or {}}}


SELECTORS = {
    "": True,
    "rainbow.dev/app": True,
    "rainbow.dev/app=a": True,
    "rainbow.dev/app==a": True,
    "rainbow.dev/app=b": False,
    "rainbow.dev/app!=b": True,
    "rainbow.dev/app!=a": False,
    "other!=a": True,
    "!other": True,
    "!rainbow.dev/app": False,
    "other": False,
    "rainbow.dev/app=a,rainbow.dev/release": True,
    "rainbow.dev/app=a,rainbow.dev/release in (1,2)": True,
    "rainbow.dev/app=a,rainbow.dev/release in (2,3)": False,
    "rainbow.dev/release in (2,1),!other": True,
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_selectors_are_as_kubernetes_has_them(selector: str) -> None:
    """All that Rainbow uses."""
    assert matches(obj("x", A1), selector) is SELECTORS[selector]


def test_a_selector_that_is_not_known_is_an_error() -> None:
    """Rather than an answer that lacks something."""
    with pytest.raises(ValueError, match="does not know"):
        matches(obj("x", A1), "rainbow.dev/app notin (a)")


def test_each_kind_is_listed_once() -> None:
    """Whoever asks for whichever labels."""
    live = Listed(obj("one", A1), obj("two", {**A1, "rainbow.dev/app": "b"}))
    seen = Snapshot.of(live)
    for app, name in (("a", "one"), ("b", "two")):
        assert [o["metadata"]["name"] for o in seen.list(DEPLOYMENT, "ns", labels=f"{APP_LABEL}={app}")] == [name]
    assert seen.get(SERVICE, "ns", "one") == {"apiVersion": "v1", "kind": "Service", **obj("one", A1)}
    assert seen.get(SERVICE, "ns", "none") is None
    assert live.asked == [("/ns/Deployment", APP_LABEL, False), ("/ns/Service", None, False)]
    assert seen.lists == 2


def test_of_what_nobody_reads_the_contents_stay_away() -> None:
    """ConfigMaps hold packed sources."""
    live = Listed(obj("one", A1))
    seen = Snapshot.of(live)
    for kind in (CONFIG_MAP, POD, RELEASE):
        seen.list(kind, "ns", labels=f"{APP_LABEL}=a")
    assert live.asked == [
        ("/ns/ConfigMap", APP_LABEL, True),
        ("/ns/Pod", APP_LABEL, False),
        ("/ns/Release", None, False),
    ]


def test_what_cannot_be_listed_is_asked_for_once() -> None:
    """The same answer for all."""
    live = Listed()
    seen = Snapshot.of(live)
    for _ in range(2):
        with pytest.raises(PermanentError):
            seen.list(Kind("x/v1", "Missing"), "ns", labels=APP_LABEL)
    assert len(live.asked) == 1


def test_it_writes_nothing() -> None:
    """What is read here is old by the time somebody writes."""
    with pytest.raises(TypeError, match="for reading"):
        Snapshot.of(Listed()).request("DELETE", "/ns/Pod/x")
