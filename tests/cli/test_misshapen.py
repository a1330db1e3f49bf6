"""Manifests in which anything may stand anywhere: `init`, `plan` and `release` name it, and never break on it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rainbow.adapters.config_file import check_base, read_config, refuse_misshapen
from rainbow.adapters.kustomize import load_objects
from rainbow.cli.asking import Asker
from rainbow.cli.drafting import drafted
from rainbow.cli.material import _material
from rainbow.decisions.draft_config import completed
from rainbow.errors import BadInput
from tests.decisions.lint.test_malformed import ALL, JUNK, spots

CONFIG = {
    "app": "shop",
    "namespace": "shops",
    "manifests": {"kustomize": "."},
    "route": {"ingress": {"name": "front", "url": "http://traefik"}},
    "drain": {"prometheus": {"url": "http://prometheus", "query": 'sum(tasks{release="$release"})'}},
}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
INGRESS: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "front", "labels": {"a": "b"}, "annotations": {"a": "b"}},
    "spec": {
        "defaultBackend": BACKEND,
        "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}],
    },
}
HTTP_ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "front"},
    "spec": {
        "parentRefs": [{"name": "gateway"}],
        "hostnames": ["a.example"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "web", "port": 80}}}],
                "backendRefs": [{"name": "web", "port": 80, "weight": 1}],
            }
        ],
    },
}
CLAIM: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "a"},
    "spec": {"accessModes": ["ReadWriteMany"]},
}
GIVEN = {
    **dict.fromkeys(["check_path", "tests_image", "tests_service", "ask_prometheus"], None),
    **{"app": "shop", "namespace": "shops", "route": "ingress/front", "tasks": "none"},
    **{"proxy_url": "http://traefik", "prometheus_url": "http://prometheus"},
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_nothing_that_stands_anywhere_breaks_a_command(tmp_path: Path, data: st.DataObject) -> None:
    """Up to three places hold something else; what cannot be released, or described, is a BadInput."""
    (tmp_path / "rainbow.yaml").write_text(yaml.safe_dump(CONFIG))
    objects: list[Any] = copy.deepcopy([*ALL, INGRESS, HTTP_ROUTE, CLAIM])
    for _ in range(data.draw(st.integers(1, 3))):
        obj = data.draw(st.sampled_from(objects))
        places = [*spots({"spec": obj.get("spec")}), *spots(obj.get("spec")), *spots(obj["metadata"])]
        parent, key = data.draw(st.sampled_from([(obj if key == "spec" else parent, key) for parent, key in places]))
        parent[key] = copy.deepcopy(data.draw(JUNK))
    try:
        check_base(tmp_path / "rainbow.yaml", read_config(tmp_path / "rainbow.yaml"), _text(objects))
    except BadInput as error:
        assert str(error)  # noqa: PT017 - most of what is drawn is refused, by one check or another
    try:
        read = load_objects(_text(objects))
        draft = drafted(_material(tmp_path, read, {"kustomize": "."}, GIVEN, None), Asker(yes=True, terminal=False))
        completed(draft, read)
    except BadInput as error:
        assert str(error)  # noqa: PT017


def test_what_is_misshapen_is_named_with_its_place() -> None:
    """Each place by its object and path, with what is expected there."""
    route = copy.deepcopy(INGRESS)
    route["spec"]["rules"] = {"host": "a.example"}
    route["metadata"]["labels"]["version"] = 1
    with pytest.raises(BadInput) as caught:
        refuse_misshapen([CLAIM, route])
    assert "\n  Ingress front: metadata.labels.version: expected a text (in quotes" in str(caught.value)
    assert "\n  Ingress front: spec.rules: expected a list" in str(caught.value)
    assert "PersistentVolumeClaim" not in str(caught.value)


def test_what_is_whole_is_not_refused() -> None:
    """The objects that are spoilt above."""
    refuse_misshapen([*ALL, INGRESS, HTTP_ROUTE, CLAIM])


def _text(objects: list[Any]) -> str:
    return "\n---\n".join(json.dumps(obj) for obj in objects)
