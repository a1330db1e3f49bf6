"""A schema change through Argo, from expand to contract: each stage in its place of the workflow, with its own pod."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from argo_app import InArgo, made
from plain import eventually
from tiny import APP, IMAGE, USER

from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, POD, SERVICE, Kube
from rainbow.model.names import release_selector
from rainbow.model.release import Phase

pytestmark = [pytest.mark.cluster, pytest.mark.long]

# A database, as far as its schema goes: it keeps what it is told, and in which order.
DATABASE = """
import http.server, json
state, told = {"version": 1, "backfilled": True}, []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(state).encode())
    def do_PUT(self):
        told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        state.update(told[-1])
        print("told", json.dumps(told), flush=True)
        self.do_GET()
    def log_message(self, *_): pass
http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""
ASK = ["python3", "-c", "import urllib.request as u; print(u.urlopen('http://database:8000').read().decode())"]


def _tell(**state: Any) -> list[str]:
    code = f"u.urlopen(u.Request('http://database:8000', data={json.dumps(state).encode()!r}, method='PUT'))"
    return ["python3", "-c", f"import urllib.request as u; {code}"]


def _migrations(needs: tuple[int, int], **stages: Any) -> dict[str, Any]:
    # The step image has a user of its own, as an image of migrations is to have.
    image = yaml.safe_load(Path(os.environ["RAINBOW_SETTINGS"]).read_text())["step_image"]
    return {"image": image, "needs": {"minimum": needs[0], "maximum": needs[1]}, "state": ASK, **stages}


def _database(app: InArgo) -> None:
    labels, pod = {"part": "database"}, {"name": "database", "image": IMAGE, "command": ["python3", "-c", DATABASE]}
    pod["readinessProbe"] = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1}  # type: ignore[assignment]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [pod], "securityContext": USER}}
    meta = {"name": "database", "namespace": app.namespace}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    app.kube.apply({"apiVersion": DEPLOYMENT.api_version, "kind": "Deployment", "metadata": meta, "spec": spec})
    spec = {"selector": labels, "ports": [{"port": 8000}]}
    app.kube.apply({"apiVersion": SERVICE.api_version, "kind": "Service", "metadata": meta, "spec": spec})
    eventually(lambda: app.ready(1, "database"), "the database")


def _told(app: InArgo) -> list[dict[str, Any]]:
    """What the database was told, in that order: the last line of its log."""
    (pod,) = app.kube.list(POD, app.namespace, labels="part=database")
    lines = app.kube.pod_log(app.namespace, pod["metadata"]["name"], "database").splitlines()
    told: list[dict[str, Any]] = json.loads(lines[-1].removeprefix("told ")) if lines else []
    return told


def test_expand_backfill_and_contract_in_the_workflows_of_two_releases(
    kube: Kube, namespace: str, context: Context
) -> None:
    """F4, F5: expand before the deployment, backfill after the switch, contract once the release before has ended."""
    app = made(kube, namespace, context, migrations=_migrations((1, 2)), retention={"minimumAge": "0s"})
    _database(app)
    app.say("v1", tasks=0)
    change = {"expand": {"to": 2, "command": _tell(version=2, backfilled=False)}}
    move = {"backfill": {"command": _tell(backfilled=True)}}
    app.file["migrations"] = _migrations((1, 3), **change, **move)
    app.release("v2")
    app.ended(app.of("v2"), "Succeeded", seconds=300)
    assert _told(app) == [{"version": 2, "backfilled": False}, {"backfilled": True}]
    assert app.record("v1").status.phase is Phase.DELETED
    app.say("v2", tasks=0)
    app.file["migrations"] = _migrations((2, 3), contract={"to": 3, "command": _tell(version=3)})
    app.release("v3")
    app.ended(app.of("v3"), "Succeeded", seconds=300)
    # Not before the pods of the release in its way had ended, and in the very workflow.
    assert _told(app)[2:] == [{"version": 3}], app.message(app.of("v3"))
    assert app.kube.list(POD, namespace, labels=release_selector(APP, "v2")) == []
    state = app.record("v3").status.schema_state
    assert state is not None
    assert (state.version, state.contracted) == (3, True)
