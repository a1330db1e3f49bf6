"""Following against an emulated API server: what people are told, above all when something went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import emulated
import pytest
from emulated import Emulated, StoppedClock

from rainbow.adapters.kube import Object
from rainbow.adapters.records import note, read_release
from rainbow.cli.ending import Target
from rainbow.cli.following import Until, follow_to_the_end
from rainbow.cli.output import Form
from rainbow.cli.watching import PATIENCE
from rainbow.errors import TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, ReleaseSpec, new_record

TARGET = Target("shops", "shop", "v2")
BACK = "rainbow rollback --namespace shops shop v1"
START = "2026-01-01T10:00:00Z"
CONFIG = {
    "app": "shop",
    "namespace": "shops",
    "manifests": {"kustomize": "deploy"},
    "route": {"ingress": {"name": "shop", "url": "http://proxy"}},
    "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
}


@dataclass
class Cluster(Emulated):
    """One that can be away: `away` is asked before every request."""

    away: Callable[[], bool] = lambda: False
    attempts: int = 1
    forbidden: set[str] = field(default_factory=set)

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if self.away() or any(part in path for part in self.forbidden):
            raise TemporaryError("connection refused")
        return super()._once(method, path, query, body, content_type)

    def workflow(self, phase: str, **steps: str) -> None:
        """The workflow of v2 with these phases of its steps."""
        names = {name.replace("_", "-"): at for name, at in steps.items()}
        nodes = {
            name: {"id": name, "displayName": name, "type": "Retry", "phase": at, "startedAt": START, "message": "boom"}
            for name, at in names.items()
        }
        self.store.put(
            ("workflows", "shops", "release-shop-v2"),
            {"metadata": {"name": "release-shop-v2"}, "status": {"phase": phase, "nodes": nodes}},
        )

    def route(self, release: str, previous: str | None) -> None:
        """The Ingress as `switch` leaves it."""
        backend = {"service": {"name": f"web-{release}", "port": {"number": 80}}}
        rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        marks = {"rainbow.dev/switched-from": previous or ""}
        meta = {"name": "shop", "namespace": "shops", "annotations": marks}
        kind = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
        self.store.put(("ingresses", "shops", "shop"), kind | {"metadata": meta, "spec": {"rules": [rule]}})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Two releases."""
    monkeypatch.setitem(emulated.KINDS, "workflows", ("argoproj.io/v1alpha1", "Workflow"))
    made = Cluster(None)
    for name in ("v1", "v2"):
        made.create(new_record(ReleaseSpec(release=name, app=AppConfig.model_validate(CONFIG), manifests="x")))
        meta = {"name": f"web-{name}", "namespace": "shops", "labels": release_labels("shop", name)}
        made.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
    return made


def _follow(cluster: Cluster, until: Until = Until.LIVE) -> int:
    return follow_to_the_end(cluster, TARGET, until, clock=StoppedClock())


def _noted(cluster: Cluster, release: str, **status: Any) -> None:
    note(cluster, read_release(cluster, "shops", "shop", release), **status)


def test_users_are_untouched_when_the_switch_never_began(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the route says."""
    cluster.workflow("Failed", deploy="Failed")
    assert _follow(cluster) == 1
    assert "Users are untouched." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("current", "previous", "said"),
    [
        ("v2", "v1", f"users are on v2. To go back to v1: {BACK}"),
        ("v2", None, "users are on v2, and there was no release before"),
        ("v1", None, "The route leads to v1, not to v2."),
    ],
)
def test_after_a_failed_switch_the_route_is_read(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], current: str, previous: str | None, said: str
) -> None:
    """It may have moved the route before it failed; then users are not untouched, and the way back is needed."""
    cluster.workflow("Failed", deploy="Succeeded", switch="Failed")
    cluster.route(current, previous)
    assert _follow(cluster) == 1
    out = capsys.readouterr().out
    assert said in out
    assert "untouched" not in out


def test_a_route_that_cannot_be_read_is_unknown(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """Not "untouched"."""
    cluster.workflow("Failed", switch="Failed")
    cluster.forbidden = {"ingresses"}
    assert _follow(cluster) == 1
    out = capsys.readouterr().out
    assert "Where the route leads users now is unknown: connection refused" in out
    assert "untouched" not in out


@pytest.mark.parametrize(
    ("older", "said"),
    [
        ({"phase": Phase.DELETED}, "shop v2: live. Deleted: v1.\n"),
        ({"phase": Phase.DRAINING, "blocker": "3 tasks"}, "shop v2: live. Kept: v1 (Draining: 3 tasks).\n"),
    ],
)
def test_in_the_end_the_records_say_what_is_gone(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], older: dict[str, Any], said: str
) -> None:
    """A workflow that is done has not deleted everything that is older."""
    _noted(cluster, "v1", **older)
    _noted(cluster, "v2", phase=Phase.CURRENT)
    cluster.workflow("Succeeded", switch="Succeeded")
    assert _follow(cluster, Until.DRAINED) == 0
    assert capsys.readouterr().out.endswith(said)


def test_in_the_end_a_record_that_cannot_be_read_is_not_passed_over(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its release is never deleted, so it is still there."""
    cluster.store.objects["releases", "shops", "shop-v1"]["spec"]["app"].pop("drain")
    cluster.workflow("Succeeded", switch="Succeeded")
    assert _follow(cluster) == 0
    assert "now. Kept, as its record cannot be read: v1.\n" in capsys.readouterr().out


def test_the_json_of_the_end_has_the_other_releases(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    _noted(cluster, "v1", phase=Phase.DRAINING, blocker="3 tasks")
    cluster.workflow("Succeeded", switch="Succeeded")
    assert follow_to_the_end(cluster, TARGET, Until.DRAINED, Form.JSON, clock=StoppedClock()) == 0
    others = json.loads(capsys.readouterr().out)["others"]
    assert others == [{"release": "v1", "phase": "Draining", "blocker": "3 tasks"}]


def test_an_api_server_that_never_answered_is_given_up_at_once(cluster: Cluster) -> None:
    """A wrong address, most likely; exit 75."""
    cluster.away = lambda: True
    with pytest.raises(TemporaryError, match=r"connection refused.*rainbow follow --namespace shops shop v2") as caught:
        _follow(cluster)
    assert caught.value.exit_code == 75


def test_an_outage_is_said_once_and_lived_through(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """The workflow does not depend on being followed."""
    cluster.workflow("Running", deploy="Running")
    requests: list[int] = []

    def away() -> bool:
        requests.append(1)
        if len(requests) == 30:
            cluster.store.objects["workflows", "shops", "release-shop-v2"]["status"]["phase"] = "Succeeded"
        return 10 < len(requests) < 30

    cluster.away = away
    assert _follow(cluster) == 0
    out = capsys.readouterr().out
    assert out.count("the API server does not answer, trying again: connection refused") == 1
    assert out.count("the API server answers again") == 1


def test_an_outage_without_end_is_given_up(cluster: Cluster) -> None:
    """After five minutes; nobody waits for ever without a word."""
    cluster.workflow("Running", deploy="Running")
    clock = StoppedClock()
    cluster.away = lambda: clock.passed > 10
    with pytest.raises(TemporaryError, match="goes on without being followed"):
        follow_to_the_end(cluster, TARGET, Until.LIVE, clock=clock)
    assert PATIENCE < clock.passed < PATIENCE + 60
