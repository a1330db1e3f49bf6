"""What may be in a release, and what is refused by name."""

from typing import Any

import pytest

from rainbow.decisions.rendering import foreign, overlay, refusals
from rainbow.errors import Refused
from rainbow.model.app import AppConfig
from rainbow.model.names import APP_LABEL, RELEASE_LABEL


def app() -> AppConfig:
    """An app with the route `web`."""
    return AppConfig.model_validate(
        {
            "app": "shop",
            "namespace": "shop",
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": "web", "url": "http://proxy"}},
            "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
        }
    )


def obj(kind: str, name: str = "x", **rest: Any) -> dict[str, Any]:
    """An object of the base."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **rest}


RBAC = "rbac.authorization.k8s.io/v1"
SERVICE = obj("Service", "api", spec={"selector": {"a": "b"}})


@pytest.mark.parametrize(
    ("case", "bad", "complaint"),
    [
        ("a ClusterRole", obj("ClusterRole"), "ClusterRole x belongs to the whole cluster"),
        ("a second Ingress", obj("Ingress", "other"), "Ingress other would carry users' traffic before the switch"),
        ("an HTTPRoute", obj("HTTPRoute"), "HTTPRoute x would carry users' traffic"),
        ("a volume claim", obj("PersistentVolumeClaim"), "keep the claim outside of the base"),
        ("a stateful set", obj("StatefulSet", spec={"volumeClaimTemplates": [{}]}), "volumeClaimTemplates"),
        ("a node port", obj("Service", spec={"ports": [{"nodePort": 30000}]}), "only one release can have"),
        ("a Role", {**obj("Role"), "apiVersion": RBAC}, rf"Role x is of a kind \({RBAC}\) .* beside the releases"),
        ("a custom resource", {**obj("Cat"), "apiVersion": "cats.dev/v1"}, "Cat x is of a kind"),
        ("a namesake", {**obj("Service"), "apiVersion": "serving.knative.dev/v1"}, "Service x is of a kind"),
        ("a bare pod", obj("Pod"), "Pod x is of a kind"),
        ("a Secret", obj("Secret", stringData={"a": "hidden"}), "make the Secret once beside the releases"),
        ("another namespace", {**SERVICE, "metadata": {"name": "x", "namespace": "y"}}, "meant for namespace y"),
    ],
)
def test_what_cannot_live_once_per_release_is_refused_by_name(case: str, bad: dict[str, Any], complaint: str) -> None:
    """Before anything is applied, with the next thing to do."""
    with pytest.raises(Refused, match=complaint):
        overlay(app(), "v1", [SERVICE, bad], {})


def test_a_refusal_shows_nothing_of_a_secret() -> None:
    """Its message ends in logs and on the record."""
    (complaint,) = refusals(app(), [obj("Secret", stringData={"a": "hidden"})])
    assert "hidden" not in complaint


@pytest.mark.parametrize(
    ("labels", "whose"),
    [
        ({APP_LABEL: "shop", RELEASE_LABEL: "v1", "more": "x"}, None),
        ({APP_LABEL: "shop", RELEASE_LABEL: "v2"}, "Service x belongs to release v2 of app shop"),
        ({APP_LABEL: "other", RELEASE_LABEL: "v1"}, "Service x belongs to release v1 of app other"),
        ({APP_LABEL: "shop"}, "Service x was made by somebody else"),
        (None, "Service x was made by somebody else"),
    ],
)
def test_an_object_is_a_releases_own_only_with_both_of_its_labels(labels: Any, whose: str | None) -> None:
    """Anything else of that name is somebody else's (S4)."""
    live = {**obj("Service"), "metadata": {"name": "x", "labels": labels}}
    assert foreign("shop", "v1", live) == whose


def test_all_complaints_come_at_once() -> None:
    """Nobody likes to mend a base one message at a time."""
    with pytest.raises(Refused) as refusal:
        overlay(app(), "v1", [obj("ClusterRole"), obj("PersistentVolume")], {})
    assert "ClusterRole x" in str(refusal.value)
    assert "PersistentVolume x" in str(refusal.value)


def test_what_outlives_a_release_is_left_out_and_said() -> None:
    """The route belongs to the app, a namespace and a CRD to the cluster."""
    base = [SERVICE, obj("Ingress", "web"), obj("Namespace"), obj("CustomResourceDefinition")]
    layer = overlay(app(), "v1", base, {})
    assert list(layer.resources) == [SERVICE]
    assert [line.split(":")[0] for line in layer.left_out] == [
        "Ingress web",
        "Namespace x",
        "CustomResourceDefinition x",
    ]


def test_a_base_of_nothing_is_refused() -> None:
    """A release without objects would be ready at once, and answer nobody."""
    with pytest.raises(Refused, match="holds nothing"):
        overlay(app(), "v1", [obj("Ingress", "web")], {})


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("shop", {"newName": "shop", "newTag": "latest"}),
        ("shop:2", {"newName": "shop", "newTag": "2"}),
        ("host:5000/a/shop", {"newName": "host:5000/a/shop", "newTag": "latest"}),
        ("host:5000/a/shop:2", {"newName": "host:5000/a/shop", "newTag": "2"}),
        ("host:5000/a/shop@sha256:ff", {"newName": "host:5000/a/shop", "digest": "sha256:ff"}),
        ("host:5000/a/shop:2@sha256:ff", {"newName": "host:5000/a/shop", "digest": "sha256:ff"}),
    ],
)
def test_an_image_reference_is_taken_apart(reference: str, expected: dict[str, str]) -> None:
    """A port is no tag, and a digest says it all."""
    (image,) = overlay(app(), "v1", [SERVICE], {"shop": reference}).kustomization["images"]
    assert image == {"name": "shop"} | expected
