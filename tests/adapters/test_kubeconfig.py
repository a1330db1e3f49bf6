"""Contexts and namespaces of kubeconfigs, as kubectl reads them; and what is meant where nothing is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rainbow.adapters import kubeconfig
from rainbow.adapters.kubeconfig import in_pod, namespace_of, read_kubeconfig

ONE = """
current-context: test
contexts:
- {name: test, context: {cluster: c, user: u, namespace: shop}}
- {name: production, context: {cluster: d, user: u, namespace: shop-live}}
"""
TWO = """
current-context: other
contexts:
- {name: test, context: {cluster: c, user: u, namespace: ignored}}
- {name: other, context: {cluster: c, user: u}}
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two of them, in KUBECONFIG beside one that is missing; and no pod."""
    (tmp_path / "one").write_text(ONE)
    (tmp_path / "two").write_text(TWO)
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(str(tmp_path / name) for name in ("none", "one", "two")))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


def test_the_first_file_to_name_something_wins(files: Path) -> None:
    """Kubernetes, "Organizing Cluster Access Using kubeconfig Files"."""
    found = read_kubeconfig()
    assert found.current == "test"
    assert found.contexts == {"test": "shop", "production": "shop-live", "other": None}


@pytest.mark.parametrize(
    ("context", "namespace"),
    [(None, "shop"), ("production", "shop-live"), ("other", "default"), ("unknown", "default")],
)
def test_the_namespace_is_that_of_the_context(files: Path, context: str | None, namespace: str) -> None:
    """And `default` where it names none, as for kubectl."""
    assert namespace_of(context) == namespace


@pytest.mark.parametrize(
    "text", ["", "]", "a: [", "- 1", "contexts: 3", "contexts: [3, {}, {name: 1}]", "\x00", "é: {}"]
)
def test_a_kubeconfig_that_is_none_is_empty(files: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Connecting says what is wrong; completion and defaults have nothing to say."""
    (files / "bad").write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("KUBECONFIG", str(files / "bad"))
    assert read_kubeconfig().contexts == {}
    assert namespace_of(None) == "default"


def test_in_a_pod_the_namespace_is_its_own(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody has said which kubeconfig, or which context, is meant."""
    own = files / "namespace"
    own.write_text("jobs\n")
    monkeypatch.setattr(kubeconfig, "_OWN_NAMESPACE", own)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert namespace_of(None) == "shop"
    monkeypatch.delenv("KUBECONFIG")
    assert (in_pod(None), namespace_of(None)) == (True, "jobs")
    assert in_pod("test") is False
    own.unlink()
    assert namespace_of(None) == "default"
