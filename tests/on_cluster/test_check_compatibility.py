"""`check-compatibility` on the cluster, with the rights of its Role: a field that the new release lacks is caught."""

from __future__ import annotations

from typing import Any

import pytest
from tiny import APP, Tiny, deployment, python, run_tests_as_user, service

from rainbow.adapters.kube import INGRESS, SERVICE, Kube, Object
from rainbow.adapters.records import note
from rainbow.errors import PermanentError
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Promise
from steps import check_compatibility, deploy

pytestmark = pytest.mark.cluster

# Answers with what stands in ANSWER.
SERVER = """
import http.server, os, signal
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["ANSWER"].encode())
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""
# What clients of the current release rely on.
ASK = "import json, os, urllib.request as u; print(json.load(u.urlopen(os.environ['RELEASE_URL']))['name'])"


@pytest.fixture
def tiny(kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """An app in a namespace of its own."""
    run_tests_as_user(monkeypatch)
    return Tiny(kube, namespace)


def _current(kube: Kube, namespace: str) -> None:
    """The route leads to v1, of which nothing but its Service has to be there."""
    meta = {"name": "web-v1", "namespace": namespace, "labels": release_labels(APP, "v1")}
    head = {"apiVersion": SERVICE.api_version, "kind": SERVICE.kind}
    kube.create(head | {"metadata": meta, "spec": {"ports": [{"port": 80}]}})
    backend = {"service": {"name": "web-v1", "port": {"number": 80}}}
    rule = {
        "host": f"{namespace}.localhost",
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    meta = {"name": APP, "namespace": namespace}
    kube.create({"apiVersion": INGRESS.api_version, "kind": INGRESS.kind, "metadata": meta, "spec": {"rules": [rule]}})


def _base(answer: str) -> list[Object]:
    return [deployment(["python3", "-c", SERVER], env=[{"name": "ANSWER", "value": answer}]), service()]


def _deploy(tiny: Tiny, name: str, answer: str, **config: Any) -> None:
    tiny.submit(name, base=_base(answer), **config)
    params = deploy.Params(namespace=tiny.namespace, app=APP, release=name)
    deploy.run(params, tiny.world("deploy", deploy.RULES))


def _check(tiny: Tiny, name: str) -> None:
    params = check_compatibility.Params(namespace=tiny.namespace, app=APP, release=name)
    check_compatibility.run(params, tiny.world("check-compatibility", check_compatibility.RULES))


def test_a_removed_field_is_caught_by_the_tests_of_the_current_release(tiny: Tiny) -> None:
    """The release is Failed and says whose promise it breaks; one that only adds a field keeps it (C5)."""
    tiny.submit("v1", tests=python(ASK))
    note(tiny.kube, tiny.record("v1"), phase=Phase.CURRENT, traffic="100%", live_at="2026-01-01T00:00:00Z")
    _current(tiny.kube, tiny.namespace)
    _deploy(tiny, "v2", '{"title": "shop"}')
    with pytest.raises(PermanentError, match="release v2 breaks what release v1 promises its clients") as caught:
        _check(tiny, "v2")
    assert "KeyError: 'name'" in str(caught.value)
    status = tiny.record("v2").status
    assert (status.phase, status.compatibility and status.compatibility.promise) == (Phase.FAILED, Promise.BROKEN)
    _deploy(tiny, "v3", '{"title": "shop", "name": "shop"}')
    _check(tiny, "v3")
    assert "tests | shop" in tiny.lines
    found = tiny.record("v3").status.compatibility
    assert found is not None
    assert (found.release, found.promise) == ("v1", Promise.KEPT)
