"""The pod that `run-tests` makes, without a cluster."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rainbow.model.app import AppConfig
from rainbow.model.release import Release, ReleaseSpec, ReleaseStatus
from steps import testing

SERVICE: dict[str, Any] = {
    "metadata": {"name": "web-v1", "namespace": "shop", "uid": "u-1"},
    "spec": {"ports": [{"name": "admin", "port": 9000}, {"name": "http", "port": 80}]},
}


def release(**more: Any) -> Release:
    """A release of an app with tests."""
    tests = {"image": "web-tests", "service": "web"} | more
    app = AppConfig.model_validate(
        {
            "app": "shop",
            "namespace": "shop",
            "manifests": {"kustomize": "deploy"},
            "images": {"web-tests": {}},
            "releaseEnv": "VERSION",
            "route": {"ingress": {"name": "web", "url": "http://proxy"}},
            "tests": tests,
            "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
        }
    )
    return Release(
        namespace="shop",
        uid="u",
        resource_version="1",
        created=datetime(2026, 5, 4, tzinfo=UTC),
        spec=ReleaseSpec(release="v1", app=app, manifests=""),
        status=ReleaseStatus(images={"web-tests": "registry/shop/web-tests@sha256:1"}),
    )


def pod(**more: Any) -> dict[str, Any]:
    """The pod of its tests."""
    made = release(**more)
    assert made.spec.app.tests is not None
    return testing.tests_pod(testing.Trial("run-tests", made, made, made.spec.app.tests), SERVICE, ())


def environment(made: dict[str, Any]) -> dict[str, str]:
    """The variables of its container."""
    return {e["name"]: e["value"] for e in made["spec"]["containers"][0]["env"]}


def test_the_tests_are_told_which_release_and_where() -> None:
    """The release's own Service, never the route; the id under both of its names."""
    assert environment(pod()) == {"RELEASE_ID": "v1", "VERSION": "v1", "RELEASE_URL": "http://web-v1.shop.svc:80"}


def test_the_owner_of_the_app_may_add_variables_and_a_command() -> None:
    """From rainbow.yaml."""
    made = pod(env={"LEVEL": "full"}, command=["pytest", "-q"])
    assert environment(made)["LEVEL"] == "full"
    assert made["spec"]["containers"][0]["command"] == ["pytest", "-q"]


def test_the_image_is_the_one_that_was_built() -> None:
    """By digest."""
    assert pod()["spec"]["containers"][0]["image"] == "registry/shop/web-tests@sha256:1"


def test_the_pod_has_no_rights() -> None:
    """Pod Security Standards, `restricted`, and no token."""
    spec = pod()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_the_pod_belongs_to_the_release_and_is_no_work_of_it() -> None:
    """Found and deleted with the release; the mark of the step keeps it out of its readiness."""
    meta = pod()["metadata"]
    assert meta["labels"] == {"rainbow.dev/app": "shop", "rainbow.dev/release": "v1", "rainbow.dev/step": "run-tests"}
    assert [(o["kind"], o["name"], o["uid"]) for o in meta["ownerReferences"]] == [("Service", "web-v1", "u-1")]


@pytest.mark.parametrize(("timeout", "seconds"), [("2m", 120), ("0s", 1)])
def test_the_kubelet_ends_tests_that_hang(timeout: str, seconds: int) -> None:
    """Also when nobody watches any more."""
    assert pod(timeout=timeout)["spec"]["activeDeadlineSeconds"] == seconds


def test_the_first_port_counts_when_none_is_called_http() -> None:
    """Most Services have just one."""
    service = SERVICE | {"spec": {"ports": [{"port": 8080}, {"port": 9090}]}}
    assert testing.release_url(service) == "http://web-v1.shop.svc:8080"
