"""The kubeconfig of a CI system: several of them side by side lead to several clusters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.short_lived import Token, kubeconfig_with


def test_those_of_several_clusters_do_not_hide_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one name the first file would win, and a release to us would go to eu."""
    files = []
    for name in ("eu", "us"):
        configuration = client.Configuration(host=f"https://{name}.example:6443")
        configuration.verify_ssl = False
        found = kubeconfig_with(Kube(client.ApiClient(configuration)), "shop", name, Token(f"t-{name}", "later"), None)
        files.append(tmp_path / name)
        files[-1].write_text(yaml.safe_dump(found))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
    for name in ("eu", "us"):
        configuration = connect(context=name).client.configuration
        assert configuration.host == f"https://{name}.example:6443"
        assert list(configuration.api_key.values()) == [f"Bearer t-{name}"]
