"""A tiny app to deploy and test: one Deployment of Python's own web server, described as its owner would."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from rainbow.adapters.events import TELLING
from rainbow.adapters.kube import Kind, Kube, Object, connect
from rainbow.adapters.records import read_release
from rainbow.adapters.world import World
from rainbow.model.app import AppConfig
from rainbow.model.release import Release, ReleaseSpec, new_record
from steps import testing

APP = "tiny"
IMAGE = "registry.platform.svc.cluster.local:5000/rainbow/base:bookworm"
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding")
# Without, a pod gets next to no time on a busy machine, and its users wait until they give up.
SHARE = {"requests": {"cpu": "20m"}}
SERVE = ["python3", "-m", "http.server", "8000"]
# The base image has no user of its own; as an owner of the image one would give it one.
USER = {"runAsUser": 65532, "runAsNonRoot": True}
# Its pods end at once, so that tests need not wait for them.
LINT = {
    "ignore": [
        {"rule": "pre-stop", "why": "no pod of it ends while a test sends it requests"},
        {"rule": "grace-period", "why": "no pod of it ends while a test sends it requests"},
    ]
}


@dataclass
class Tiny:
    """The app in a namespace that a test made, and what the steps said."""

    kube: Kube
    namespace: str
    lines: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """All that was said."""
        return "\n".join(self.lines)

    def world(self, step: str, rules: list[dict[str, Any]]) -> World:
        """The real world with the rights that the step's Role gives, and no more."""
        meta = {"name": step, "namespace": self.namespace}
        self.kube.apply(
            {"apiVersion": ROLE.api_version, "kind": ROLE.kind, "metadata": meta, "rules": [*rules, TELLING]}
        )
        self.kube.apply(
            {
                "apiVersion": ROLE_BINDING.api_version,
                "kind": ROLE_BINDING.kind,
                "metadata": meta,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": step},
                "subjects": [{"kind": "ServiceAccount", "name": step, "namespace": self.namespace}],
            }
        )
        limited = connect()
        limited.client.set_default_header("Impersonate-User", f"system:serviceaccount:{self.namespace}:{step}")
        limited.client.set_default_header("Impersonate-Group", "system:serviceaccounts")
        return World(kube=limited, say=self.lines.append)

    def config(self, **changes: Any) -> AppConfig:
        """rainbow.yaml."""
        plain = {
            "app": APP,
            "namespace": self.namespace,
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": APP, "url": "http://proxy"}},
            "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
            "readyTimeout": "90s",
            "lint": LINT,
        }
        return AppConfig.model_validate(plain | changes)

    def submit(self, release: str = "v1", *, base: list[Object] | None = None, **more: Any) -> Release:
        """The record, as `rainbow release` makes it.

        `images` and `source` go into the spec, `built` are the images to build; the rest goes into the app.
        """
        given = {key: more.pop(key) for key in ("images", "source") if key in more}
        more["images"] = more.pop("built", {})
        manifests = "\n---\n".join(json.dumps(obj) for obj in (base or [deployment(), service()]))
        spec = ReleaseSpec(release=release, app=self.config(**more), manifests=manifests, **given)
        self.kube.create(new_record(spec))
        return self.record(release)

    def record(self, release: str = "v1") -> Release:
        """The record as it is now."""
        return read_release(self.kube, self.namespace, APP, release)


def deployment(command: list[str] | None = None, **container: Any) -> Object:
    """The Deployment of the base."""
    probe = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1}
    plain = {"name": "web", "image": IMAGE, "command": command or SERVE, "readinessProbe": probe}
    pod = {"containers": [plain | container], "terminationGracePeriodSeconds": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"part": "web"}},
            "template": {"metadata": {"labels": {"part": "web"}}, "spec": pod},
        },
    }


def service() -> Object:
    """The Service of the base."""
    spec = {"selector": {"part": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8000}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def python(code: str, **more: Any) -> dict[str, Any]:
    """Tests that are a line of Python."""
    return {"image": IMAGE, "command": ["python3", "-uc", code], "service": "web"} | more


def run_tests_as_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods of tests run as a user that the image does not have, in place of a USER in a Containerfile."""
    made = testing.tests_pod

    def as_user(*given: Any) -> dict[str, Any]:
        pod = made(*given)
        pod["spec"]["securityContext"]["runAsUser"] = USER["runAsUser"]
        return pod

    monkeypatch.setattr(testing, "tests_pod", as_user)
