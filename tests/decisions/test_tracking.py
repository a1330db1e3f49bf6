"""No object of a release is taken for their own by Argo CD or Flux."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rainbow.decisions.rendering import overlay, rolled_overlay
from rainbow.decisions.tracking import LEFT_ALONE, TRACKING, untracked
from rainbow.model.staying import Strategy
from tests.decisions.test_rendering import app, obj

TRACKED = {
    "annotations": {
        "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web",
        "argocd.argoproj.io/sync-wave": "3",
        "note": "mine",
    },
    "labels": {
        "kustomize.toolkit.fluxcd.io/name": "shop",
        "helm.toolkit.fluxcd.io/name": "shop",
        "app": "web",
    },
}


def _marks(found: dict[str, Any]) -> set[str]:
    meta = found["metadata"]
    return {name for key in ("labels", "annotations") for name in meta.get(key) or {} if name.startswith(TRACKING)}


def test_marks_of_tracking_go_and_all_else_stays() -> None:
    """An object exported from a cluster carries them."""
    tracked = obj("Service") | {"metadata": {"name": "web", **copy.deepcopy(TRACKED)}}
    before = copy.deepcopy(tracked)
    assert untracked(tracked)["metadata"] == {"name": "web", "annotations": {"note": "mine"}, "labels": {"app": "web"}}
    assert tracked == before


def test_an_instance_label_stays_and_its_object_is_not_pruned() -> None:
    """Selectors and monitors of many charts need it; Argo CD is told on the object itself."""
    labelled = obj("Service") | {"metadata": {"name": "web", "labels": {"app.kubernetes.io/instance": "shop"}}}
    meta = untracked(labelled)["metadata"]
    assert meta["labels"] == {"app.kubernetes.io/instance": "shop"}
    assert meta["annotations"] == LEFT_ALONE


def test_an_object_without_marks_is_left_as_it_is() -> None:
    """Without labels or annotations it gets none."""
    assert untracked(obj("Service")) == obj("Service")


@pytest.mark.parametrize("made", [overlay, rolled_overlay])
def test_no_object_of_a_release_is_tracked(made: Any) -> None:
    """Whether it is deployed beside others or rolled."""
    rolling = {"strategy": Strategy.ROLLING} if made is rolled_overlay else {}
    described = app().model_copy(update=rolling)
    base = [
        obj("Service", "web", spec={"selector": {"a": "b"}}),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"template": {"spec": {}}},
        },
    ]
    for each in base:
        each["metadata"] |= copy.deepcopy(TRACKED)
    layer = made(described, "v1", base, {})
    assert len(layer.resources) == 2
    assert [_marks(found) for found in layer.resources] == [set(), set()]
