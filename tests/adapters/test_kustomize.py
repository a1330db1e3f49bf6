"""A base becomes a release: what kustomize makes of it, kept as golden YAML beside this file.

After a change on purpose: GOLDEN=write pytest tests/adapters/test_kustomize.py, and read the difference.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rainbow.adapters.kustomize import build, load_objects, render
from rainbow.decisions.rendering import overlay, restore_bare_services
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig

FOLDER = Path(__file__).parent / "rendering"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def app() -> AppConfig:
    """An app whose route is the Ingress of the sample."""
    return AppConfig.model_validate(
        {
            "app": "shop",
            "namespace": "shop",
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": "spawn", "url": "http://proxy"}},
            "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
        }
    )


def rendered(release: str) -> list[dict[str, Any]]:
    """The sample as a release, made anew."""
    base = load_objects((FOLDER / "base.yaml").read_text())
    layer = overlay(app(), release, base, {"shop": f"registry.example:5000/team/shop@{DIGEST}"})
    return restore_bare_services(base, render(layer), release)


@cache
def released(release: str = "v1") -> list[dict[str, Any]]:
    """The sample as a release."""
    return rendered(release)


def find(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The one object of that kind and name."""
    (found,) = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def test_a_release_is_rendered_as_the_golden_file_says() -> None:
    """Every line that a release adds to the base can be read in one file."""
    text = yaml.safe_dump_all(released(), sort_keys=True)
    golden = FOLDER / "v1.yaml"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_object_has_the_suffix_the_labels_and_the_namespace() -> None:
    """That is what lets releases stand side by side, and be found again."""
    for obj in released():
        meta = obj["metadata"]
        assert meta["name"].endswith("-v1")
        assert meta["namespace"] == "shop"
        assert meta["labels"] == {"rainbow.dev/app": "shop", "rainbow.dev/release": "v1"}


def test_selectors_reach_the_pods_of_their_own_release_only() -> None:
    """A Service of one release must never send a request to the pods of another."""
    selector = find(released(), "Service", "web-v1")["spec"]["selector"]
    other = find(released("v2"), "Deployment", "web-v2")["spec"]["template"]["metadata"]["labels"]
    own = find(released(), "Deployment", "web-v1")["spec"]["template"]["metadata"]["labels"]
    assert selector.items() <= own.items()
    assert not selector.items() <= other.items()


def test_references_between_objects_follow_the_suffix() -> None:
    """ConfigMap, ServiceAccount and scale target are those of the same release."""
    pod = find(released(), "Deployment", "web-v1")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "web-v1"
    assert pod["containers"][0]["envFrom"][0]["configMapRef"]["name"] == "web-settings-v1"
    scaler = find(released(), "HorizontalPodAutoscaler", "web-v1")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "web-v1"


def test_the_release_id_is_the_first_variable_of_every_container() -> None:
    """First, so that other variables can refer to it as $(RELEASE_ID); in place of what the base had there."""
    objects = released()
    pods = [
        find(objects, "Deployment", "web-v1")["spec"]["template"]["spec"],
        find(objects, "CronJob", "report-v1")["spec"]["jobTemplate"]["spec"]["template"]["spec"],
    ]
    containers = [c for pod in pods for c in [*pod.get("initContainers", []), *pod["containers"]]]
    assert len(containers) == 4
    for container in containers:
        assert container["env"][0] == {"name": "RELEASE_ID", "value": "v1"}


def test_only_images_that_were_given_are_replaced() -> None:
    """By digest, whatever tag the base has; an image that nobody gave stays as it is."""
    pod = find(released(), "Deployment", "web-v1")["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["image"] == f"registry.example:5000/team/shop@{DIGEST}"
    assert [c["image"] for c in pod["containers"]] == [
        f"registry.example:5000/team/shop@{DIGEST}",
        "registry.example:5000/helper:3",
    ]


def test_a_service_without_a_selector_stays_without_one() -> None:
    """Kustomize would give it the labels as selector, and so pods that it never had."""
    assert "selector" not in find(released(), "Service", "mail-v1")["spec"]


def test_what_others_refer_to_comes_first() -> None:
    """Applied in this order, a pod finds its ServiceAccount and its ConfigMap."""
    kinds = [obj["kind"] for obj in released()]
    assert kinds.index("ServiceAccount") < kinds.index("ConfigMap") < kinds.index("Service")
    assert kinds.index("Service") < kinds.index("Deployment")


def test_a_date_in_the_manifests_stays_text() -> None:
    """As for the API server; a Python date could not be sent to it."""
    annotations = find(released(), "Deployment", "web-v1")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["released"] == "2024-01-01"


def test_two_renderings_are_the_same() -> None:
    """A step that is run again applies the very same objects."""
    assert rendered("v1") == released()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1", "not YAML"),
        ("just text", "no apiVersion and kind"),
        ("{apiVersion: v1, kind: Pod}", r"Pod\) has no metadata.name"),
    ],
)
def test_manifests_that_hold_no_objects_are_refused(text: str, complaint: str) -> None:
    """The message says which document is wrong."""
    with pytest.raises(BadInput, match=complaint):
        load_objects(text)


def test_a_list_is_opened() -> None:
    """`kind: List` is what kubectl prints for several objects."""
    text = "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]}"
    assert [o["kind"] for o in load_objects(text)] == ["Pod"]


def test_a_folder_that_kustomize_cannot_build_is_named(tmp_path: Path) -> None:
    """Kustomize's own words are in the message."""
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]")
    with pytest.raises(BadInput, match=r"missing\.yaml"):
        build(tmp_path)
